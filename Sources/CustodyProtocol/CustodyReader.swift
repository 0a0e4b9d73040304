import DTABytes
import DTASystem

/// Reads one message, without its length: its first byte, then its fields in order. It copies the fields, so the
/// message's buffer is not kept.
public struct CustodyReader {
    private let message: UnsafeRawBufferPointer
    private var at = 1

    /// The operation or the status.
    public let head: UInt8

    /// - Throws: `DTAError.invalidArgument` for an empty message.
    public init(_ message: UnsafeRawBufferPointer) throws {
        guard let first = unsafe message.first else { throw DTAError(.invalidArgument, "an empty custody message") }
        unsafe self.message = message
        head = first
    }

    /// Whether there is another field.
    public var hasMore: Bool { unsafe at < message.count }

    /// The next field, of at most `limit` bytes.
    /// - Throws: `DTAError.invalidArgument` if the field is missing, cut short or too long.
    public mutating func field(atMost limit: Int = CustodyFrame.limit) throws -> [UInt8] {
        unsafe [UInt8](try next(atMost: limit))
    }

    /// The next field, of at most `limit` bytes, which is a secret.
    public mutating func secret(atMost limit: Int = CustodyFrame.limit) throws -> SecretReference {
        SecretReference(unsafe Secret(copying: try next(atMost: limit)))
    }

    private mutating func next(atMost limit: Int) throws -> UnsafeRawBufferPointer {
        let count = try length()
        guard count <= limit else {
            throw DTAError(.invalidArgument, "a custody field of \(count) bytes: at most \(limit) are allowed")
        }
        defer { at += count }
        return unsafe UnsafeRawBufferPointer(rebasing: message[at..<at + count])
    }

    /// The next field, of exactly `count` bytes.
    public mutating func field(exactly count: Int) throws -> [UInt8] {
        let value = try field(atMost: count)
        guard value.count == count else { throw CustodyReader.wrongSize(value.count, count) }
        return value
    }

    /// The next field, of exactly `count` bytes, which is a secret.
    public mutating func secret(exactly count: Int) throws -> SecretReference {
        let value = try secret(atMost: count)
        guard value.count == count else { throw CustodyReader.wrongSize(value.count, count) }
        return value
    }

    private static func wrongSize(_ count: Int, _ expected: Int) -> DTAError {
        DTAError(.invalidArgument, "a custody field has \(count) bytes instead of \(expected)")
    }

    public mutating func byte() throws -> UInt8 { try field(exactly: 1)[0] }

    public mutating func uint32() throws -> UInt32 { UInt32(bigEndianBytes: try field(exactly: 4)) }

    public mutating func uint64() throws -> UInt64 { UInt64(bigEndianBytes: try field(exactly: 8)) }

    /// The next field as UTF-8; invalid bytes are replaced.
    public mutating func string(atMost limit: Int = 4096) throws -> String {
        String(decoding: try field(atMost: limit), as: UTF8.self)
    }

    /// Ends the message.
    /// - Throws: `DTAError.invalidArgument` if fields are left.
    public func end() throws {
        guard !hasMore else { throw DTAError(.invalidArgument, "a custody message has fields too many") }
    }

    private mutating func length() throws -> Int {
        guard unsafe message.count - at >= 4 else { throw DTAError(.invalidArgument, "a custody field is missing") }
        let count = unsafe Int(UInt32(bigEndian: message.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
        guard unsafe message.count - at - 4 >= count else {
            throw DTAError(.invalidArgument, "a custody field is cut short")
        }
        at += 4
        return count
    }
}
