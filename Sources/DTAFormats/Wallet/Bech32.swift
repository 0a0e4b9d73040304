/// Bech32 (BIP-173) and Bech32m (BIP-350): a readable part, `1`, and groups of five bits, the last six a checksum.
enum Bech32 {
    enum Checksum: UInt32, Sendable {
        case bech32 = 1
        case bech32m = 0x2bc8_30a3
    }

    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    /// The most letters in all, for which the checksum finds any four wrong ones.
    private static let limit = 90

    /// - Parameter readable: lower case.
    /// - Parameter values: below 32 each.
    static func encode(_ readable: String, _ values: [UInt8], _ checksum: Checksum) -> String {
        let expanded = expand(Array(readable.utf8)) + values
        let sum = polymod(expanded + [0, 0, 0, 0, 0, 0]) ^ checksum.rawValue
        let tail = (0..<6).map { UInt8(truncatingIfNeeded: sum >> UInt32(5 * (5 - $0)) & 31) }
        return readable + "1" + String(decoding: (values + tail).map { alphabet[Int($0)] }, as: UTF8.self)
    }

    /// - Returns: the readable part in lower case, the values without the checksum, and which checksum it was.
    /// - Throws: `FormatError.malformed`, with nothing of the text in the sentence.
    static func decode(_ text: String) throws -> (readable: String, values: [UInt8], checksum: Checksum) {
        let letters = Array(text.utf8)
        guard letters.count <= limit else { throw refused("it has more than \(limit) letters") }
        guard letters.allSatisfy({ (33...126).contains($0) }) else { throw refused("a letter that it does not have") }
        let (upper, lower) = (letters.contains { (65...90).contains($0) }, letters.contains { (97...122).contains($0) })
        guard !(upper && lower) else { throw refused("upper and lower case are mixed") }
        let small = letters.map { (65...90).contains($0) ? $0 + 32 : $0 }
        guard let separator = small.lastIndex(of: UInt8(ascii: "1")), separator > 0 else {
            throw refused("there is no readable part before a 1")
        }
        guard small.count - separator > 6 else { throw refused("too short for its checksum") }
        let values = try small[(separator + 1)...].map { letter in
            guard let value = alphabet.firstIndex(of: letter) else { throw refused("a letter that it does not have") }
            return UInt8(value)
        }
        guard let checksum = Checksum(rawValue: polymod(expand(Array(small[..<separator])) + values)) else {
            throw refused("the checksum does not fit: a letter is wrong or missing")
        }
        return (String(decoding: small[..<separator], as: UTF8.self), values.dropLast(6), checksum)
    }

    private static func refused(_ reason: String) -> FormatError {
        FormatError(.malformed, "not an address in bech32: \(reason)")
    }

    private static func expand(_ readable: [UInt8]) -> [UInt8] {
        readable.map { $0 >> 5 } + [0] + readable.map { $0 & 31 }
    }

    private static func polymod(_ values: [UInt8]) -> UInt32 {
        let generator: [UInt32] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
        return values.reduce(UInt32(1)) { sum, value in
            let top = sum >> 25
            let shifted = (sum & 0x1ff_ffff) << 5 ^ UInt32(value)
            return (0..<5).reduce(shifted) { $0 ^ (top >> UInt32($1) & 1 == 1 ? generator[$1] : 0) }
        }
    }
}
