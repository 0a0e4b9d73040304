/// Bytes as base64 (RFC 4648), read strictly: a text that decodes has one spelling.
public enum Base64 {
    public enum Alphabet: Sendable {
        /// Section 4, with padding.
        case standard
        /// Section 5, without padding, as JOSE has it (RFC 7515 §2).
        case url
    }

    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: letters(Array(bytes).span), as: UTF8.self)
    }

    /// The URL's alphabet, without padding.
    public static func encode(url bytes: some Sequence<UInt8>) -> String {
        let text = letters(Array(bytes).span).compactMap { letter -> UInt8? in
            switch letter {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: letter
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The letters of the standard alphabet, for what must not become a `String`.
    public static func encode(secret: borrowing Secret) -> Secret {
        var text = secret.withBytes { letters($0) }
        return Secret(taking: &text)
    }

    /// The bytes of letters of the URL's alphabet. They may be a secret, which is the caller's to wipe.
    public static func decode(url letters: Span<UInt8>) -> [UInt8]? { decode(letters, .url) }

    /// Nil if `text` is anything but this form.
    public static func decode(_ text: some StringProtocol, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        decode(Array(text.utf8).span, alphabet)
    }

    /// The same of a secret in the standard alphabet.
    public static func decode(secret: borrowing Secret) -> Secret? {
        guard var bytes = secret.withBytes({ decode($0, .standard) }) else { return nil }
        return Secret(taking: &bytes)
    }

    private static func decode(_ letters: Span<UInt8>, _ alphabet: Alphabet) -> [UInt8]? {
        var end = letters.count
        if alphabet == .standard {
            guard end % 4 == 0 else { return nil }
            for _ in 0..<2 where end > 0 && letters[end - 1] == UInt8(ascii: "=") { end -= 1 }
        }
        var result: [UInt8] = []
        // Of its size from the start, as below.
        result.reserveCapacity(end * 3 / 4)
        var (bits, count): (UInt32, Int) = (0, 0)
        for index in 0..<end {
            guard let value = value(letters[index], alphabet) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= (1 << UInt32(count)) - 1
            }
        }
        // The bits that no byte takes are zero, and no letter is left over.
        return count < 6 && bits == 0 ? result : nil
    }

    private static func letters(_ bytes: Span<UInt8>) -> [UInt8] {
        let digits: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return digits.withUTF8Buffer { digits in
            var result: [UInt8] = []
            // Of its size from the start: an array that grows leaves its old memory as it is, with what was in it.
            result.reserveCapacity((bytes.count + 2) / 3 * 4)
            for start in stride(from: 0, to: bytes.count, by: 3) {
                let size = min(3, bytes.count - start)
                var bits: UInt32 = 0
                for index in 0..<3 { bits = bits << 8 | (index < size ? UInt32(bytes[start + index]) : 0) }
                for index in 0..<4 {
                    let digit = unsafe digits[Int(bits >> (18 - 6 * UInt32(index)) & 63)]
                    result.append(index <= size ? digit : UInt8(ascii: "="))
                }
            }
            return result
        }
    }

    private static func value(_ letter: UInt8, _ alphabet: Alphabet) -> UInt8? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): letter - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): letter - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): letter - UInt8(ascii: "0") + 52
        case alphabet == .standard ? UInt8(ascii: "+") : UInt8(ascii: "-"): 62
        case alphabet == .standard ? UInt8(ascii: "/") : UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
