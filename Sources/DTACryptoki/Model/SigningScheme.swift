import CPKCS11

/// How a key signs.
enum SigningScheme: Equatable, Sendable {
    /// `hash`: nil if the caller gives the digest itself.
    case ecdsa(Curve, hash: HashFunction?)
    case ed25519
    case hmac

    /// What a mechanism means for a key.
    init(_ mechanism: Mechanism, _ kind: KeyKind) throws(CryptokiError) {
        guard let known = MechanismTable.entry(mechanism.type), known.flags & (CKF_SIGN | CKF_VERIFY) != 0 else {
            throw CryptokiError(CKR_MECHANISM_INVALID)
        }
        try mechanism.requireNoParameter()
        switch (mechanism.type, kind) {
        case (CKM_EDDSA, .ed25519): self = .ed25519
        case (CKM_SHA256_HMAC, .hmac): self = .hmac
        case (CKM_ECDSA, .ec(let curve, _)): self = .ecdsa(curve, hash: nil)
        case (let type, .ec(let curve, _)):
            guard let hash = SigningScheme.ecdsaHash(type) else { throw CryptokiError(CKR_KEY_TYPE_INCONSISTENT) }
            self = .ecdsa(curve, hash: hash)
        default: throw CryptokiError(CKR_KEY_TYPE_INCONSISTENT)
        }
    }

    private static func ecdsaHash(_ type: UInt) -> HashFunction? {
        switch type {
        case CKM_ECDSA_SHA1: .sha1
        case CKM_ECDSA_SHA224: .sha224
        case CKM_ECDSA_SHA256: .sha256
        case CKM_ECDSA_SHA384: .sha384
        case CKM_ECDSA_SHA512: .sha512
        default: nil
        }
    }

    /// What hashes the data here, before the key signs.
    var hash: HashFunction? {
        if case .ecdsa(_, let hash) = self { return hash }
        return nil
    }

    /// Bytes of a signature.
    var signatureLength: Int {
        switch self {
        case .ecdsa(let curve, _): 2 * curve.coordinateLength
        case .ed25519: 64
        case .hmac: 32
        }
    }

    /// The most that can be signed at once: the agent's bound for messages, or the longest digest.
    var inputLimit: Int {
        switch self {
        case .ecdsa: 64
        case .ed25519, .hmac: 256 << 10
        }
    }

    /// The class of the objects that sign so.
    var signer: TokenObject.Class { self == .hmac ? .secretKey : .privateKey }
    var verifier: TokenObject.Class { self == .hmac ? .secretKey : .publicKey }
}
