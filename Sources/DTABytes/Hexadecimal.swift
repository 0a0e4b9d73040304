/// Bytes as hexadecimal digits (RFC 4648 section 8), written in small letters.
public enum Hexadecimal {
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: bytes.flatMap { [digit($0 >> 4), digit($0)] }, as: UTF8.self)
    }

    /// The digit of the lower four bits, as ASCII.
    @inlinable
    public static func digit(_ nibble: UInt8) -> UInt8 {
        let low = nibble & 15
        return low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") - 10 + low
    }

    /// Nil for anything but an even number of digits of either case.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text.utf8 {
            guard let value = value(character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }

    /// The same for digits of small letters alone, so that bytes have one spelling.
    public static func decodeSmall(_ text: some StringProtocol) -> [UInt8]? {
        text.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "F")).contains($0) } ? nil : decode(text)
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
