/// Reads a line's fields in the one order in which they are written.
struct AuditFields<Line: Collection<UInt8>> {
    private var rest: Line.SubSequence

    init(_ line: Line) { rest = line[...] }

    /// Skips `literal`, if it is next.
    mutating func take(_ literal: StaticString) -> Bool {
        let bytes = Array("\(literal)".utf8)
        guard rest.starts(with: bytes) else { return false }
        rest = rest.dropFirst(bytes.count)
        return true
    }

    /// A decimal number below 2^63, so that sums with it stay in range, without leading zeros, followed by a comma,
    /// which is not read.
    mutating func number() -> UInt64? {
        guard let end = rest.prefix(21).firstIndex(of: UInt8(ascii: ",")) else { return nil }
        let digits = rest[..<end]
        guard let first = digits.first, first != UInt8(ascii: "0") || digits.dropFirst().isEmpty,
            digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            let number = UInt64(String(decoding: digits, as: UTF8.self)), number <= AuditLine.highestNumber
        else { return nil }
        rest = rest[end...]
        return number
    }

    /// A string without escapes up to its closing quote, which is read too.
    mutating func text() -> String? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        let text = rest[..<end]
        guard !text.contains(UInt8(ascii: "\\")) else { return nil }
        rest = rest[end...].dropFirst()
        return String(decoding: text, as: UTF8.self)
    }
}
