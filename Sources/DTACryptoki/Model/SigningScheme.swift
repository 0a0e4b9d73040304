import CPKCS11

/// How a key signs.
enum SigningScheme: Equatable, Sendable {
    /// `hash`: nil if the caller gives the digest itself.
    case ecdsa(Curve, hash: HashFunction?)
    case ed25519
    case hmac
    /// The caller gives a DigestInfo, which says the hash. `size`: bytes of the modulus.
    case rsaDigestInfo(size: Int)
    /// `isDigest`: whether the caller gives the digest itself.
    case rsa(RSAScheme, isDigest: Bool, size: Int)

    /// What a mechanism means for a key.
    init(_ mechanism: Mechanism, _ kind: KeyKind) throws(CryptokiError) {
        guard let known = MechanismTable.entry(mechanism.type), known.flags & (CKF_SIGN | CKF_VERIFY) != 0 else {
            throw CryptokiError(CKR_MECHANISM_INVALID)
        }
        if case .rsa(let modulus) = kind {
            self = try SigningScheme.rsa(mechanism, size: modulus.count)
            return
        }
        guard !MechanismTable.isRSA(mechanism.type) else { throw CryptokiError(CKR_KEY_TYPE_INCONSISTENT) }
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

    private static func rsa(_ mechanism: Mechanism, size: Int) throws(CryptokiError) -> SigningScheme {
        switch mechanism.type {
        case CKM_RSA_PKCS:
            try mechanism.requireNoParameter()
            return .rsaDigestInfo(size: size)
        case CKM_SHA256_RSA_PKCS: return try pkcs1(mechanism, .sha256, size)
        case CKM_SHA384_RSA_PKCS: return try pkcs1(mechanism, .sha384, size)
        case CKM_SHA512_RSA_PKCS: return try pkcs1(mechanism, .sha512, size)
        case CKM_RSA_PKCS_PSS: return try pss(mechanism, nil, size)
        case CKM_SHA256_RSA_PKCS_PSS: return try pss(mechanism, .sha256, size)
        case CKM_SHA384_RSA_PKCS_PSS: return try pss(mechanism, .sha384, size)
        case CKM_SHA512_RSA_PKCS_PSS: return try pss(mechanism, .sha512, size)
        default: throw CryptokiError(CKR_KEY_TYPE_INCONSISTENT)
        }
    }

    private static func pkcs1(
        _ mechanism: Mechanism, _ hash: HashFunction, _ size: Int
    ) throws(CryptokiError) -> SigningScheme {
        try mechanism.requireNoParameter()
        return .rsa(RSAScheme(padding: .pkcs1, hash: hash), isDigest: false, size: size)
    }

    /// - Parameter hash: that of the mechanism; nil: the caller gives a digest, of the hash that the parameter says.
    private static func pss(
        _ mechanism: Mechanism, _ hash: HashFunction?, _ size: Int
    ) throws(CryptokiError) -> SigningScheme {
        // One hash for all, and a salt as long as the digest: what the agent's keys sign by.
        guard case .pss(let digest, let mask, let salt) = mechanism.parameter,
            let said = HashFunction(digest: digest, mask: mask), salt == said.length, hash == nil || hash == said
        else { throw CryptokiError(CKR_MECHANISM_PARAM_INVALID) }
        return .rsa(RSAScheme(padding: .pss, hash: said), isDigest: hash == nil, size: size)
    }

    /// What hashes the data here, before the key signs.
    var hash: HashFunction? {
        switch self {
        case .ecdsa(_, let hash): hash
        case .rsa(let scheme, isDigest: false, _): scheme.hash
        default: nil
        }
    }

    /// Bytes of a signature.
    var signatureLength: Int {
        switch self {
        case .ecdsa(let curve, _): 2 * curve.coordinateLength
        case .ed25519: 64
        case .hmac: 32
        case .rsaDigestInfo(let size), .rsa(_, _, let size): size
        }
    }

    /// The most that can be signed at once: the agent's bound for messages, the longest digest or the longest DigestInfo.
    var inputLimit: Int {
        switch self {
        case .ecdsa, .rsa: 64
        case .rsaDigestInfo: 19 + 64
        case .ed25519, .hmac: 256 << 10
        }
    }

    /// The class of the objects that sign so.
    var signer: TokenObject.Class { self == .hmac ? .secretKey : .privateKey }
    var verifier: TokenObject.Class { self == .hmac ? .secretKey : .publicKey }
}
