import DTABytes

/// Reads the data types of RFC 4251 §5, one after the other, and never beyond the end of the bytes.
///
/// It does not recurse, and takes no memory that a length in the bytes asks for: a string is a slice of them.
public struct SSHReader: Sendable {
    private var rest: ArraySlice<UInt8>

    public init(_ bytes: [UInt8]) { rest = bytes[...] }

    public init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    public var isAtEnd: Bool { rest.isEmpty }

    /// How many bytes are left.
    public var count: Int { rest.count }

    /// What is left.
    public var remaining: ArraySlice<UInt8> { rest }

    private mutating func take(_ count: Int, _ what: StaticString) throws(SSHFormatError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest.count else { throw SSHFormatError("it ends within \(what)") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    public mutating func byte() throws(SSHFormatError) -> UInt8 {
        guard let byte = try take(1, "a byte").first else { throw SSHFormatError("it ends before a byte") }
        return byte
    }

    /// A boolean, in the two forms that are written. Others would give equal contents several forms.
    public mutating func boolean() throws(SSHFormatError) -> Bool {
        switch try byte() {
        case 0: return false
        case 1: return true
        default: throw SSHFormatError("a boolean is neither 0 nor 1")
        }
    }

    public mutating func uint32() throws(SSHFormatError) -> UInt32 {
        UInt32(bigEndianBytes: try take(4, "a number"))
    }

    public mutating func uint64() throws(SSHFormatError) -> UInt64 {
        UInt64(bigEndianBytes: try take(8, "a number"))
    }

    /// A string of bytes.
    /// - Parameter limit: the most bytes that it may have.
    public mutating func string(atMost limit: Int = .max) throws(SSHFormatError) -> ArraySlice<UInt8> {
        let length = Int(try uint32())
        guard length <= limit else { throw SSHFormatError("a string has \(length) bytes, and may have \(limit)") }
        return try take(length, "a string")
    }

    /// A string of text in UTF-8, without a NUL.
    /// - Parameter limit: the most bytes that it may have.
    public mutating func text(atMost limit: Int) throws(SSHFormatError) -> String {
        let bytes = try string(atMost: limit)
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw SSHFormatError("a text is no UTF-8, or has a NUL in it")
        }
        return text
    }

    /// A positive number of any size: its bytes, the most significant one first, without zeros before it.
    /// - Parameter limit: the most bytes that it may have.
    /// - Throws: also for 0, for a negative number, and for a form that is longer than needed.
    public mutating func positiveNumber(atMost limit: Int) throws(SSHFormatError) -> [UInt8] {
        let bytes = try string(atMost: limit + 1)
        guard let first = bytes.first, first & 0x80 == 0 else { throw SSHFormatError("a number is not positive") }
        guard first == 0 else { return Array(bytes) }
        let digits = bytes.dropFirst()
        guard let next = digits.first, next & 0x80 != 0 else {
            throw SSHFormatError("a number is zero, or longer than it needs to be")
        }
        return Array(digits)
    }

    /// - Throws: if something is left.
    public func finish() throws(SSHFormatError) {
        guard rest.isEmpty else { throw SSHFormatError("\(rest.count) bytes are left at its end") }
    }
}
