/// A use of the token, and the mechanisms that it needs. `docs/operations.md` has the same as a table, and a test
/// compares them. The numbers are those on the wire.
public enum TokenNeed: UInt8, Sendable, CaseIterable {
    case random = 1
    case sealing = 2
    case signing = 3
    case agreement = 4
    case ed25519 = 5
    case p256 = 6
    case p384 = 7
    case secp256k1 = 8
    case hmacSHA256 = 9
    case aes256 = 10
    case rsa = 11
    case ecdh = 12

    /// The mechanisms, or the function, as PKCS#11 calls them.
    public var mechanisms: String {
        switch self {
        case .random: "C_GenerateRandom"
        case .sealing, .aes256: "CKM_AES_KEY_GEN, CKM_AES_GCM"
        case .signing:
            "CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EDDSA; or CKM_EC_KEY_PAIR_GEN, CKM_ECDSA with P-256"
        case .agreement: "CKM_EC_MONTGOMERY_KEY_PAIR_GEN or CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_ECDH1_DERIVE with X25519"
        case .ed25519: "CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EDDSA"
        case .p256: "CKM_EC_KEY_PAIR_GEN, CKM_ECDSA with P-256"
        case .p384: "CKM_EC_KEY_PAIR_GEN, CKM_ECDSA with P-384"
        case .secp256k1: "CKM_EC_KEY_PAIR_GEN, CKM_ECDSA with secp256k1"
        case .hmacSHA256: "CKM_GENERIC_SECRET_KEY_GEN, CKM_SHA256_HMAC"
        case .rsa:
            "CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_RSA_X_509 or CKM_RSA_PKCS_OAEP"
        case .ecdh: "CKM_EC_KEY_PAIR_GEN, CKM_ECDH1_DERIVE with P-256"
        }
    }

    /// What it is for.
    public var purpose: String {
        switch self {
        case .random: "seeds, nonces, random bytes"
        case .sealing: "what the agent keeps, seeds of identities, orders"
        case .signing: "identities, checkpoints of the audit log"
        case .agreement: "envelopes to identities"
        case .ed25519: "keys of type ed25519"
        case .p256: "keys of type p256"
        case .p384: "keys of type p384"
        case .secp256k1: "keys of type secp256k1"
        case .hmacSHA256: "keys of type hmac-sha256"
        case .aes256: "keys of type aes256"
        case .rsa: "RSA keys"
        case .ecdh: "keys of types p256-ecdh and p384-ecdh"
        }
    }

    /// Whether dtad needs it. The others are key types, which users then cannot make.
    public var isRequired: Bool { rawValue <= TokenNeed.agreement.rawValue }
}
