/// Bytes as people write them: two lower-case digits each.
public func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

/// What `hex` wrote, with spaces and ends of lines between the digits if it was laid out.
public func bytes(_ hex: some StringProtocol) throws -> [UInt8] {
    let digits = hex.filter { !$0.isWhitespace }.map(\.hexDigitValue)
    guard digits.count.isMultiple(of: 2) else { throw TestFailure("an odd number of digits: \(hex)") }
    return try stride(from: 0, to: digits.count, by: 2).map { at in
        guard let high = digits[at], let low = digits[at + 1] else { throw TestFailure("not hexadecimal: \(hex)") }
        return UInt8(high << 4 | low)
    }
}
