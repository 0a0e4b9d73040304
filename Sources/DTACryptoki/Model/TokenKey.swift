/// What kind of key it is, with what its public half says.
public enum KeyKind: Equatable, Sendable {
    /// `point`: uncompressed, 04 ‖ x ‖ y.
    case ec(Curve, point: [UInt8])
    /// 32 bytes.
    case ed25519([UInt8])
    /// `modulus`: big-endian, of 256, 384 or 512 bytes, the first bit set. The exponent is 65537.
    case rsa(modulus: [UInt8])
    /// 32 secret bytes for HMAC-SHA256.
    case hmac
    /// AES-256.
    case aes

    /// Reads a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    /// - Returns: nil if it is none, or of a kind that is not served here.
    public init?(publicKeyInfo: some Sequence<UInt8>) {
        var outer = DER(publicKeyInfo)
        guard let content = outer.next(DER.sequence), outer.isAtEnd else { return nil }
        var info = DER(content)
        guard let algorithm = info.next(DER.sequence), let bits = info.next(DER.bitString), info.isAtEnd,
            bits.first == 0
        else { return nil }
        let key = Array(bits.dropFirst())
        var names = DER(algorithm)
        guard let name = names.next(), name.tag == DER.objectIdentifier else { return nil }
        if Array(name.whole) == Edwards.parameters {
            guard names.isAtEnd, key.count == 32 else { return nil }
            self = .ed25519(key)
            return
        }
        if Array(name.content) == RSAPublicKey.algorithm {
            guard names.next(DER.null)?.isEmpty == true, names.isAtEnd, let modulus = RSAPublicKey.modulus(of: key)
            else {
                return nil
            }
            self = .rsa(modulus: modulus)
            return
        }
        guard Array(name.content) == KeyKind.ecPublicKey, let curve = names.next(), names.isAtEnd,
            let known = Curve.allCases.first(where: { $0.parameters == Array(curve.whole) }),
            key.count == 1 + 2 * known.coordinateLength, key.first == 4
        else { return nil }
        self = .ec(known, point: key)
    }

    /// Whether such keys decrypt.
    public var decrypts: Bool {
        switch self {
        case .rsa, .aes: true
        case .ec, .ed25519, .hmac: false
        }
    }

    var isEdwards: Bool {
        if case .ed25519 = self { return true }
        return false
    }

    /// id-ecPublicKey (RFC 5480, 2.1.1).
    private static let ecPublicKey: [UInt8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]
}

/// A key of the agent's that the caller may see: all but the secret.
public struct TokenKey: Equatable, Sendable {
    /// What the agent calls it.
    public let name: String
    /// The user that it belongs to; nil if that is the caller.
    public let owner: String?
    /// Unix seconds.
    public let created: Int64
    public let kind: KeyKind
    /// SubjectPublicKeyInfo in DER; empty for secret keys.
    public let publicKeyInfo: [UInt8]
    /// CKA_ID.
    public let id: [UInt8]
    /// X.509 certificates that are stored for it.
    public let certificates: [Certificate]
    /// What the caller may do with it.
    public let uses: Uses
    /// Whether it existed before it came to the HSM.
    public let isImported: Bool
    /// Whether it is an EC key for ECDH, which does not sign.
    public let isForAgreement: Bool

    public struct Uses: OptionSet, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// To sign or to make MACs, as the key does.
        public static let sign = Uses(rawValue: 1)
        /// To change what is shown of it, and to destroy it.
        public static let manage = Uses(rawValue: 2)
        /// To decrypt what was encrypted to it, or with it.
        public static let decrypt = Uses(rawValue: 4)
        /// To agree on secrets by ECDH.
        public static let derive = Uses(rawValue: 8)
    }

    /// - Parameter id: as the owner set it; nil: the first 160 bits of the SHA-256 of the public half (RFC 7093, 2, as its
    ///   methods cut it), or of what is known of a secret key.
    public init(
        name: String, owner: String?, created: Int64, kind: KeyKind, publicKeyInfo: [UInt8], id: [UInt8]? = nil,
        certificates: [Certificate] = [], uses: Uses = [.sign, .manage, .decrypt], isImported: Bool = false,
        isForAgreement: Bool = false
    ) {
        self.name = name
        self.owner = owner
        self.created = created
        self.kind = kind
        self.publicKeyInfo = publicKeyInfo
        let secret = Array("secret key \(owner ?? "")/\(name) \(created)".utf8)
        let named = publicKeyInfo.isEmpty ? secret : publicKeyInfo
        self.id = id ?? Array(HashFunction.sha256.digest(named).prefix(20))
        self.certificates = certificates
        self.uses = uses
        self.isImported = isImported
        self.isForAgreement = isForAgreement
    }

    /// The same key with the CKA_ID that follows from it.
    func withoutOwnID() -> TokenKey {
        TokenKey(
            name: name, owner: owner, created: created, kind: kind, publicKeyInfo: publicKeyInfo,
            certificates: certificates, uses: uses, isImported: isImported,
            isForAgreement: isForAgreement)
    }

    /// CKA_LABEL: other users' keys are told apart by whose they are.
    public var label: String { owner.map { "\($0)/\(name)" } ?? name }

    public var isSecret: Bool { publicKeyInfo.isEmpty }
}
