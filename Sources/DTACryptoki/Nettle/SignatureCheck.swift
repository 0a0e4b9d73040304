import CNettle

/// Whether signatures are valid, by libnettle and libhogweed. It needs public keys only.
enum SignatureCheck {
    /// ECDSA (FIPS 186-5, 6.4.2).
    /// - Parameter curve: P-256 or P-384.
    /// - Parameter point: the public key, uncompressed.
    /// - Parameter digest: of any length; what is longer than the curve's order is cut as the standard says.
    /// - Parameter signature: r ‖ s, each in full length.
    static func ecdsa(_ curve: Curve, point: [UInt8], digest: [UInt8], signature: [UInt8]) -> Bool {
        let size = curve.coordinateLength
        guard let parameters = unsafe curve.nettle, signature.count == 2 * size else { return false }
        guard point.count == 1 + 2 * size, point.first == 4 else { return false }
        var x = unsafe __mpz_struct.number(point[1...size])
        defer { unsafe __gmpz_clear(&x) }
        var y = unsafe __mpz_struct.number(point[(1 + size)...])
        defer { unsafe __gmpz_clear(&y) }
        var key = unsafe ecc_point()
        unsafe nettle_ecc_point_init(&key, parameters)
        defer { unsafe nettle_ecc_point_clear(&key) }
        guard unsafe nettle_ecc_point_set(&key, &x, &y) == 1 else { return false }
        var pair = dsa_signature()
        unsafe nettle_dsa_signature_init(&pair)
        defer { unsafe nettle_dsa_signature_clear(&pair) }
        unsafe nettle_mpz_set_str_256_u(&pair.r, size, Array(signature[..<size]))
        unsafe nettle_mpz_set_str_256_u(&pair.s, size, Array(signature[size...]))
        return unsafe nettle_ecdsa_verify(&key, digest.count, digest, &pair) == 1
    }

    /// RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017, 8).
    /// - Parameter modulus: big-endian.
    /// - Parameter digest: of the length of the scheme's hash.
    /// - Parameter signature: as long as the modulus.
    static func rsa(modulus: [UInt8], _ scheme: RSAScheme, digest: [UInt8], signature: [UInt8]) -> Bool {
        guard digest.count == scheme.hash.length, signature.count == modulus.count else { return false }
        var key = rsa_public_key()
        unsafe nettle_rsa_public_key_init(&key)
        defer { unsafe nettle_rsa_public_key_clear(&key) }
        unsafe nettle_mpz_set_str_256_u(&key.n, modulus.count, modulus)
        unsafe nettle_mpz_set_str_256_u(&key.e, RSAPublicKey.exponent.count, RSAPublicKey.exponent)
        guard unsafe nettle_rsa_public_key_prepare(&key) == 1 else { return false }
        var number = unsafe __mpz_struct.number(signature[...])
        defer { unsafe __gmpz_clear(&number) }
        switch (scheme.padding, scheme.hash) {
        case (.pkcs1, let hash):
            let info = RSAScheme.digestInfoPrefix(hash) + digest
            return unsafe nettle_rsa_pkcs1_verify(&key, info.count, info, &number) == 1
        case (.pss, .sha256):
            return unsafe nettle_rsa_pss_sha256_verify_digest(&key, digest.count, digest, &number) == 1
        case (.pss, .sha384):
            return unsafe nettle_rsa_pss_sha384_verify_digest(&key, digest.count, digest, &number) == 1
        case (.pss, .sha512):
            return unsafe nettle_rsa_pss_sha512_verify_digest(&key, digest.count, digest, &number) == 1
        case (.pss, .sha1), (.pss, .sha224): return false
        }
    }

    /// Ed25519 (RFC 8032).
    static func ed25519(key: [UInt8], message: [UInt8], signature: [UInt8]) -> Bool {
        guard key.count == 32, signature.count == 64 else { return false }
        return unsafe nettle_ed25519_sha512_verify(key, message.count, message, signature) == 1
    }
}

extension Curve {
    /// Nettle's; nil for secp256k1, which it does not have.
    fileprivate var nettle: OpaquePointer? {
        switch self {
        case .p256: unsafe nettle_get_secp_256r1()
        case .p384: unsafe nettle_get_secp_384r1()
        case .secp256k1: nil
        }
    }
}

extension __mpz_struct {
    /// A big-endian number. What gets it clears it.
    static func number(_ bytes: ArraySlice<UInt8>) -> __mpz_struct {
        var number = unsafe __mpz_struct()
        unsafe nettle_mpz_init_set_str_256_u(&number, bytes.count, Array(bytes))
        return unsafe number
    }
}
