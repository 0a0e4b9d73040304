/// Reads a line's fields in the one order in which they are written.
struct AuditFields {
    // Of one concrete type: a full file of the log is read line by line, 200,000 of them.
    private var rest: ArraySlice<UInt8>

    init(_ line: ArraySlice<UInt8>) { rest = line }

    /// Skips `literal`, if it is next.
    mutating func take(_ literal: StaticString) -> Bool {
        let isNext = literal.withUTF8Buffer { unsafe rest.starts(with: $0) }
        if isNext { rest.removeFirst(literal.utf8CodeUnitCount) }
        return isNext
    }

    /// A decimal number below 2^63, so that sums with it stay in range, without leading zeros, followed by a comma,
    /// which is not read.
    mutating func number() -> UInt64? {
        guard let end = rest.prefix(21).firstIndex(of: UInt8(ascii: ",")) else { return nil }
        let digits = rest[..<end]
        guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1,
            digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            let number = UInt64(String(decoding: digits, as: UTF8.self)), number <= AuditLine.highestNumber
        else { return nil }
        rest = rest[end...]
        return number
    }

    /// A string without escapes up to its closing quote, which is read too.
    mutating func text() -> String? { textBytes().map { String(decoding: $0, as: UTF8.self) } }

    /// The same, if its text does not matter.
    mutating func skipText() -> Bool { textBytes() != nil }

    private mutating func textBytes() -> ArraySlice<UInt8>? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        let text = rest[..<end]
        guard !text.contains(UInt8(ascii: "\\")) else { return nil }
        rest = rest[(end + 1)...]
        return text
    }
}
