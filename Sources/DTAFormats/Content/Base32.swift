/// Base32 of RFC 4648 §6 in lower case and without padding: multibase `b`, without its prefix.
enum Base32 {
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var letters: [UInt8] = []
        letters.reserveCapacity((bytes.count * 8 + 4) / 5)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                letters.append(alphabet[Int(buffer >> UInt32(bits) & 31)])
            }
            buffer &= (1 << UInt32(bits)) - 1
        }
        if bits > 0 { letters.append(alphabet[Int(buffer << UInt32(5 - bits) & 31)]) }
        return String(decoding: letters, as: UTF8.self)
    }

    /// - Throws: `FormatError` for other letters, for a length that no bytes have, and for unused bits that are not
    ///   zero: the same bytes have one name only.
    static func decode(_ letters: some Sequence<UInt8>) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for letter in letters {
            let value: UInt8
            switch letter {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = letter - UInt8(ascii: "a")
            case UInt8(ascii: "2")...UInt8(ascii: "7"): value = letter - UInt8(ascii: "2") + 26
            default: throw FormatError(.malformed, "base32 has only the letters a to z and the digits 2 to 7")
            }
            buffer = buffer << 5 | UInt32(value)
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(buffer >> UInt32(bits)))
                buffer &= (1 << UInt32(bits)) - 1
            }
        }
        guard bits < 5 else { throw FormatError(.malformed, "base32 text of a length that no bytes have") }
        guard buffer == 0 else { throw FormatError(.notCanonical, "the unused last bits of base32 text must be zero") }
        return bytes
    }
}
