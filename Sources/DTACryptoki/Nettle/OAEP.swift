import CNettle

/// Encryption to the public half of an RSA key by RSAES-OAEP with SHA-256 and MGF1 with SHA-256 (RFC 8017, 7.1.1).
enum OAEP {
    private static let hash = HashFunction.sha256

    /// Bytes of the longest message for a modulus of so many bytes.
    static func messageLimit(size: Int) -> Int { size - 2 * hash.length - 2 }

    /// - Parameter modulus: big-endian.
    /// - Parameter message: of at most ``messageLimit(size:)`` bytes.
    /// - Parameter seed: 32 random bytes.
    /// - Returns: as many bytes as the modulus has.
    static func encrypt(modulus: [UInt8], message: [UInt8], label: [UInt8], seed: [UInt8]) -> [UInt8] {
        let size = modulus.count
        let padding = [UInt8](repeating: 0, count: messageLimit(size: size) - message.count)
        var data = hash.digest(label) + padding + [1] + message
        xor(&data, mask(seed, count: data.count))
        var masked = seed
        xor(&masked, mask(data, count: masked.count))
        return power([0] + masked + data, modulus: modulus)
    }

    /// MGF1 (RFC 8017, B.2.1).
    private static func mask(_ seed: [UInt8], count: Int) -> [UInt8] {
        var mask: [UInt8] = []
        var counter: UInt8 = 0
        while mask.count < count {
            mask += hash.digest(seed + [0, 0, 0, counter])
            // A modulus of 512 bytes needs 16.
            counter &+= 1
        }
        return Array(mask.prefix(count))
    }

    private static func xor(_ bytes: inout [UInt8], _ other: [UInt8]) {
        for (index, byte) in zip(bytes.indices, other) { bytes[index] ^= byte }
    }

    /// message^65537 mod modulus (RFC 8017, 5.1.1).
    private static func power(_ message: [UInt8], modulus: [UInt8]) -> [UInt8] {
        var n = unsafe __mpz_struct.number(modulus[...])
        defer { unsafe __gmpz_clear(&n) }
        var number = unsafe __mpz_struct.number(message[...])
        defer { unsafe __gmpz_clear(&number) }
        var result = unsafe __mpz_struct()
        unsafe __gmpz_init(&result)
        defer { unsafe __gmpz_clear(&result) }
        unsafe __gmpz_powm_ui(&result, &number, 65_537, &n)
        var bytes = [UInt8](repeating: 0, count: modulus.count)
        unsafe nettle_mpz_get_str_256(bytes.count, &bytes, &result)
        return bytes
    }
}
