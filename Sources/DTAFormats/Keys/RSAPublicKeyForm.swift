import DTABytes

/// RSAPublicKey (RFC 8017 §A.1.1) of the sizes that D-TA knows, with the exponent 65537. Then all but the modulus is
/// constant, so it is read by comparison:
///
///     SEQUENCE { INTEGER modulus, INTEGER 65537 }
enum RSAPublicKeyForm {
    /// 65537, big-endian.
    static let exponent: [UInt8] = [0x01, 0x00, 0x01]

    private static let suffix: [UInt8] = [0x02, 0x03] + exponent

    /// DER of a modulus of 256, 384 or 512 bytes, whose first bit is set.
    static func encode(modulus: [UInt8]) -> [UInt8] { prefix(modulusLength: modulus.count) + modulus + suffix }

    /// The modulus, big-endian.
    /// - Throws: `FormatError` for another size or exponent, and for a number that is no modulus: one that is even, or
    ///   shorter than it says.
    static func modulus(of der: [UInt8], _ algorithm: PublicKey.Algorithm) throws -> [UInt8] {
        guard let length = algorithm.modulusLength else {
            throw FormatError(.invalidArgument, "\(algorithm) keys have no modulus")
        }
        let prefix = prefix(modulusLength: length)
        guard der.count == prefix.count + length + suffix.count, der.starts(with: prefix),
            der.suffix(suffix.count) == suffix[...]
        else {
            throw FormatError(
                .malformed,
                "the public half of an \(algorithm) key is an RSAPublicKey of \(8 * length) bits, in DER, "
                    + "with the exponent 65537")
        }
        let modulus = Array(der.dropFirst(prefix.count).prefix(length))
        guard let first = modulus.first, let last = modulus.last, first & 0x80 != 0, last & 1 == 1 else {
            throw FormatError(.malformed, "the modulus of an \(algorithm) key is odd and has \(8 * length) bits")
        }
        return modulus
    }

    /// SubjectPublicKeyInfo up to the RSAPublicKey (RFC 3279 §2.3.1).
    static func spkiPrefix(modulusLength: Int) -> [UInt8] {
        let key = prefix(modulusLength: modulusLength).count + modulusLength + suffix.count
        let bitString = [0x03, 0x82] + length(key + 1) + [0]
        return [0x30, 0x82] + length(rsaEncryption.count + bitString.count + key) + rsaEncryption + bitString
    }

    /// AlgorithmIdentifier { 1.2.840.113549.1.1.1, NULL }.
    private static let rsaEncryption: [UInt8] = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ]

    /// Up to the modulus. Its first bit is set, so a zero byte is before it.
    private static func prefix(modulusLength: Int) -> [UInt8] {
        [0x30, 0x82] + length(4 + 1 + modulusLength + suffix.count) + [0x02, 0x82] + length(modulusLength + 1) + [0]
    }

    /// A length in the two bytes of DER's long form: all that are written here are from 256 to 65,535.
    private static func length(_ count: Int) -> [UInt8] { UInt16(truncatingIfNeeded: count).bigEndianBytes }
}

extension PublicKey {
    /// An RSA key of 2048, 3072 or 4096 bits.
    /// - Parameter modulus: big-endian; zeros before it are ignored.
    /// - Parameter exponent: big-endian: 65537.
    /// - Throws: `FormatError` for another size or exponent.
    public init(rsaModulus modulus: [UInt8], exponent: [UInt8]) throws {
        let digits = Array(modulus.drop { $0 == 0 })
        let bits = digits.first.map { 8 * digits.count - $0.leadingZeroBitCount } ?? 0
        guard let algorithm = Algorithm.allCases.first(where: { $0.modulusLength.map { 8 * $0 } == bits }) else {
            throw FormatError(.unsupported, "RSA keys have 2048, 3072 or 4096 bits here, not \(bits)")
        }
        guard exponent.drop(while: { $0 == 0 }) == RSAPublicKeyForm.exponent[...] else {
            throw FormatError(.unsupported, "RSA keys have the public exponent 65537 here")
        }
        try self.init(algorithm, raw: RSAPublicKeyForm.encode(modulus: digits))
    }

    /// The public exponent of RSA keys: 65537, big-endian.
    public static var rsaExponent: [UInt8] { RSAPublicKeyForm.exponent }

    /// The modulus of an RSA key, big-endian, of 256, 384 or 512 bytes; nil for other keys.
    public var rsaModulus: [UInt8]? { try? RSAPublicKeyForm.modulus(of: raw, algorithm) }
}
