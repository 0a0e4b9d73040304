// The library declares its static context without `const`, but never writes it.
@unsafe @preconcurrency import CSecp256k1

/// secp256k1 by libsecp256k1: public keys and verification only, for which its static context suffices.
enum Secp256k1 {
    /// Reads a point of 65 bytes (04 ‖ x ‖ y) and refuses what is not on the curve.
    static func check(_ point: [UInt8]) throws { _ = try parse(point) }

    private static func parse(_ point: [UInt8]) throws -> secp256k1_pubkey {
        var key = secp256k1_pubkey()
        guard point.count == 65, point[0] == 4,
            unsafe secp256k1_ec_pubkey_parse(secp256k1_context_static, &key, point, point.count) == 1
        else { throw FormatError(.malformed, "not an uncompressed point of secp256k1") }
        return key
    }

    /// - Parameter signature: r ‖ s with s in the lower half, the only kind that the library accepts.
    /// - Parameter digest: 32 bytes.
    static func isValid(_ signature: [UInt8], digest: [UInt8], point: [UInt8]) throws -> Bool {
        guard signature.count == 64, digest.count == 32 else { return false }
        var key = try parse(point)
        var parsed = secp256k1_ecdsa_signature()
        guard unsafe secp256k1_ecdsa_signature_parse_compact(secp256k1_context_static, &parsed, signature) == 1 else {
            return false
        }
        return unsafe secp256k1_ecdsa_verify(secp256k1_context_static, &parsed, digest, &key) == 1
    }
}
