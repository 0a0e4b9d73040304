/// RSA's public halves, as the agent has them.
enum RSAPublicKey {
    /// rsaEncryption (RFC 8017, A.1): the content of its object identifier.
    static let algorithm: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]
    /// 65537, big-endian: that of each key.
    static let exponent: [UInt8] = [0x01, 0x00, 0x01]
    /// Bits of keys that are made by PKCS#11. A key of 2048 bits is for old things, and wants `dtactl key create --legacy`.
    static let sizes: [Int] = [3072, 4096]

    /// The modulus in an RSAPublicKey in DER (RFC 8017, A.1.1): big-endian, without the zero before it.
    /// - Returns: nil if it is none, or one of another size or exponent than the agent's keys have.
    static func modulus(of key: [UInt8]) -> [UInt8]? {
        var outer = DER(key)
        guard let content = outer.next(DER.sequence), outer.isAtEnd else { return nil }
        var numbers = DER(content)
        guard let modulus = numbers.next(DER.integer), let exponent = numbers.next(DER.integer), numbers.isAtEnd,
            Array(exponent) == RSAPublicKey.exponent, modulus.first == 0
        else { return nil }
        let digits = Array(modulus.dropFirst())
        guard [256, 384, 512].contains(digits.count), let first = digits.first, first & 0x80 != 0,
            let last = digits.last, last & 1 == 1
        else { return nil }
        return digits
    }
}
