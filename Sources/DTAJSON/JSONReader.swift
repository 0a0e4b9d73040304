/// Reads JSON (RFC 8259) more strictly than most: no name twice in an object, no text that is not UTF-8, bounded
/// nesting. It refuses text that two readers could understand differently. The caller bounds the length.
public struct JSONReader {
    /// The deepest nesting, by default: a body of brackets must not use up the stack.
    public static let maximumDepth = 32

    public struct Failure: Error, Equatable {
        /// What is wrong, and at which byte.
        public let reason: String
    }

    /// The numbers that are accepted.
    public enum Numbers: Sendable {
        case all
        /// Those of 64 bits with a sign, written without point and exponent.
        case whole
    }

    private let bytes: [UInt8]
    private let depth: Int
    private let numbers: Numbers
    private let keepsDuplicates: Bool
    private var position = 0

    private init(_ bytes: [UInt8], _ depth: Int, _ numbers: Numbers, _ keepsDuplicates: Bool) {
        self.bytes = bytes
        self.depth = depth
        self.numbers = numbers
        self.keepsDuplicates = keepsDuplicates
    }

    /// - Parameters:
    ///   - depth: the deepest nesting of values; a plain one is 1.
    ///   - keepsDuplicates: whether an object keeps members of the same name, for a caller that checks each object
    ///     itself.
    /// - Throws: `Failure` with the byte at which it is no JSON.
    public static func read(
        _ bytes: [UInt8], depth: Int = maximumDepth, numbers: Numbers = .all, keepsDuplicates: Bool = false
    ) throws(Failure) -> JSONValue {
        var reader = JSONReader(bytes, depth, numbers, keepsDuplicates)
        let value = try reader.value(depth: 1)
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.failure("something follows the value") }
        return value
    }

    private func failure(_ reason: String) -> Failure { Failure(reason: "\(reason), at byte \(position)") }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        guard depth <= self.depth else { throw failure("values nest deeper than \(self.depth)") }
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(Failure) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw failure("this is not JSON") }
        position += word.utf8.count
        return value
    }

    private mutating func object(_ depth: Int) throws(Failure) -> JSONValue {
        position += 1
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw failure("a member's name is missing") }
            let name = try string()
            guard names.insert(name).inserted || keepsDuplicates else {
                throw failure("a name stands twice in an object")
            }
            skipSpace()
            guard take(":") else { throw failure("a colon is missing") }
            members.append(.init(name, try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw failure("an object is not closed") }
        }
    }

    private mutating func array(_ depth: Int) throws(Failure) -> JSONValue {
        position += 1
        var items: [JSONValue] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            items.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(items) }
            guard take(",") else { throw failure("an array is not closed") }
        }
    }

    private mutating func string() throws(Failure) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else { throw failure("a text is not UTF-8") }
                return result
            case UInt8(ascii: "\\"): text += String(try escape()).utf8
            case ..<0x20: throw failure("a text holds a control character")
            default: text.append(byte)
            }
        }
        throw failure("a text is not closed")
    }

    private mutating func escape() throws(Failure) -> Unicode.Scalar {
        guard let byte = current else { throw failure("a text is not closed") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let high = try hexadecimal()
            if let scalar = Unicode.Scalar(high) { return scalar }
            // Half of a pair (RFC 8259, section 7): the other half must follow.
            guard (0xd800..<0xdc00).contains(high), take("\\"), take("u") else { throw failure("half of a character") }
            let low = try hexadecimal()
            guard (0xdc00..<0xe000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (low - 0xdc00))
            else { throw failure("half of a character") }
            return scalar
        default: throw failure("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let number = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw failure("an escape needs four hexadecimal digits") }
        position += 4
        return number
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = position
        func digits(_ reader: inout JSONReader) -> Int {
            let first = reader.position
            while let byte = reader.current, (0x30...0x39).contains(byte) { reader.position += 1 }
            return reader.position - first
        }
        _ = take("-")
        let leading = current
        let whole = digits(&self)
        guard whole > 0 else { throw failure("this is not JSON") }
        guard whole == 1 || leading != UInt8(ascii: "0") else { throw failure("a number begins with 0") }
        var isInteger = true
        if take(".") {
            isInteger = false
            guard digits(&self) > 0 else { throw failure("a number ends with its point") }
        }
        if take("e") || take("E") {
            isInteger = false
            if !take("+") { _ = take("-") }
            guard digits(&self) > 0 else { throw failure("a number has no exponent") }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let number = Int64(text) { return .integer(number) }
        if numbers == .whole {
            throw failure(isInteger ? "a number is not one of 64 bits" : "a number is not whole")
        }
        guard let number = Double(text), number.isFinite else { throw failure("a number is too large") }
        return .number(number)
    }
}
