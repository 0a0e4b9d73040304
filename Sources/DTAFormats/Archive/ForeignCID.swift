/// A CID of any kind, read as far as its name needs, so that an error can name it.
enum ForeignCID {
    // Longer digests than SHA-512's are not in use.
    private static let digestLimit: UInt64 = 64

    /// The text of the CID at the start of `bytes`, in base32; nil if there is none.
    static func name(_ bytes: [UInt8]) -> String? {
        // Version 0 is a bare SHA-256 multihash; its name in version 1 is that of a DAG-PB block (70).
        if bytes.starts(with: [0x12, 0x20]), bytes.count >= 34 {
            return "b" + Base32.encode([1, 0x70] + bytes[..<34])
        }
        var position = 0
        func next() throws -> UInt8 {
            guard position < bytes.count else { throw FormatError(.malformed, "a CID is cut short") }
            defer { position += 1 }
            return bytes[position]
        }
        // Version, codec, hash function, length of the digest.
        let numbers = (0..<4).compactMap { _ in try? UnsignedVarint.decode(next) }
        guard numbers.count == 4, numbers[0] == 1, numbers[3] <= digestLimit else { return nil }
        let end = position + Int(numbers[3])
        return end <= bytes.count ? "b" + Base32.encode(Array(bytes[..<end])) : nil
    }
}
