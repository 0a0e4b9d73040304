import CPKCS11
import CustodyProtocol
import DTAFormats
import DTASystem

/// A kind of key on the token: how it is made, what it may do, how it is told from others.
enum KeyKind: CaseIterable {
    case ed25519, x25519, p256, p384, secp256k1, hmacSHA256, aes256, rsa2048, rsa3072, rsa4096, p256ECDH, p384ECDH

    init(_ type: KeyType) {
        switch type {
        case .ed25519: self = .ed25519
        case .p256: self = .p256
        case .p384: self = .p384
        case .secp256k1: self = .secp256k1
        case .hmacSHA256: self = .hmacSHA256
        case .aes256: self = .aes256
        case .rsa2048: self = .rsa2048
        case .rsa3072: self = .rsa3072
        case .rsa4096: self = .rsa4096
        case .p256ECDH: self = .p256ECDH
        case .p384ECDH: self = .p384ECDH
        }
    }

    /// nil for X25519, which users cannot make.
    var keyType: KeyType? { KeyType.allCases.first { KeyKind($0) == self } }

    var name: String { keyType?.name ?? "x25519" }

    /// The name with its article, for sentences.
    var article: String { [.p256, .p384, .secp256k1, .p256ECDH, .p384ECDH].contains(self) ? "a" : "an" }

    var isPair: Bool { ![.hmacSHA256, .aes256].contains(self) }

    /// The bytes of an RSA key's modulus; nil for the others.
    var modulusLength: Int? { algorithm?.modulusLength }

    var isRSA: Bool { modulusLength != nil }

    /// Whether it derives (CKA_DERIVE) and does not sign. An elliptic curve's key does one of both.
    var isECDH: Bool { [.x25519, .p256ECDH, .p384ECDH].contains(self) }

    /// The bytes of a shared secret by ECDH.
    var sharedSecretSize: Int { self == .p384ECDH ? 48 : 32 }

    /// CKA_EC_PARAMS: the curve's object identifier in DER; empty for keys that have no curve.
    var parameters: [UInt8] {
        switch self {
        case .ed25519: [0x06, 0x03, 0x2b, 0x65, 0x70]  // 1.3.101.112, RFC 8410
        case .x25519: [0x06, 0x03, 0x2b, 0x65, 0x6e]  // 1.3.101.110, RFC 8410
        case .p256, .p256ECDH: [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]  // 1.2.840.10045.3.1.7
        case .p384, .p384ECDH: [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]  // 1.3.132.0.34
        case .secp256k1: [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a]  // 1.3.132.0.10
        case .hmacSHA256, .aes256, .rsa2048, .rsa3072, .rsa4096: []
        }
    }

    /// The other form of CKA_EC_PARAMS: the curve's name as a PrintableString. SoftHSM answers it for private keys of
    /// these curves even if it was given the object identifier.
    private var namedParameters: [UInt8]? {
        let name: String
        switch self {
        case .ed25519: name = "edwards25519"
        case .x25519: name = "curve25519"
        default: return nil
        }
        return [0x13, UInt8(name.utf8.count)] + Array(name.utf8)
    }

    /// CKM_… that makes it. A token without Montgomery keys, as SoftHSM is, makes X25519 as an Edwards key.
    func generation(on token: Token) -> UInt {
        self == .x25519 && !token.supports(generation) && token.supports(CKM_EC_EDWARDS_KEY_PAIR_GEN)
            ? CKM_EC_EDWARDS_KEY_PAIR_GEN : generation
    }

    /// CKM_… that PKCS#11 has for making it.
    var generation: UInt {
        switch self {
        case .ed25519: CKM_EC_EDWARDS_KEY_PAIR_GEN
        case .x25519: CKM_EC_MONTGOMERY_KEY_PAIR_GEN
        case .p256, .p384, .secp256k1, .p256ECDH, .p384ECDH: CKM_EC_KEY_PAIR_GEN
        case .hmacSHA256: CKM_GENERIC_SECRET_KEY_GEN
        case .aes256: CKM_AES_KEY_GEN
        case .rsa2048, .rsa3072, .rsa4096: CKM_RSA_PKCS_KEY_PAIR_GEN
        }
    }

    /// CKM_… that uses it. RSA keys have others beside it: for PSS and OAEP.
    var use: UInt {
        switch self {
        case .ed25519: CKM_EDDSA
        case .x25519, .p256ECDH, .p384ECDH: CKM_ECDH1_DERIVE
        case .p256, .p384, .secp256k1: CKM_ECDSA
        case .hmacSHA256: CKM_SHA256_HMAC
        case .aes256: CKM_AES_GCM
        case .rsa2048, .rsa3072, .rsa4096: CKM_RSA_PKCS
        }
    }

    /// All that it needs beside the mechanism that makes it.
    private var uses: [UInt] { isRSA ? [use, CKM_RSA_PKCS_PSS] : [use] }

    func isSupported(by token: Token) -> Bool {
        token.supports(generation(on: token)) && uses.allSatisfy(token.supports)
    }

    /// - Throws: `DTAError.failedPrecondition` that names the mechanism that is missing.
    func require(on token: Token) throws {
        try token.require(generation(on: token), for: "\(self.name) keys")
        try requireUse(on: token)
    }

    /// The same for keys that are not made on the token.
    func requireUse(on token: Token) throws {
        for use in uses { try token.require(use, for: "\(self.name) keys") }
    }

    /// The bytes of a signature or MAC.
    var outputSize: Int {
        switch self {
        case .p384: 96
        case .hmacSHA256: 32
        case .rsa2048: 256
        case .rsa3072: 384
        case .rsa4096: 512
        default: 64
        }
    }

    /// The bytes of the digest that ECDSA signs; nil for the others.
    var digestSize: Int? {
        switch self {
        case .p256, .secp256k1: 32
        case .p384: 48
        default: nil
        }
    }

    /// Tells the kind from CKA_KEY_TYPE, and CKA_EC_PARAMS with CKA_DERIVE or, asked for only if it is needed, CKA_MODULUS.
    init?(type: UInt?, parameters: [UInt8]?, derives: Bool, modulus: () throws -> [UInt8]?) rethrows {
        switch type {
        case CKK_RSA:
            let digits = try modulus()?.drop { $0 == 0 }
            guard let kind = KeyKind.allCases.first(where: { $0.isRSA && $0.modulusLength == digits?.count }),
                let first = digits?.first, first & 0x80 != 0
            else { return nil }
            self = kind
        case CKK_GENERIC_SECRET, CKK_SHA256_HMAC: self = .hmacSHA256
        case CKK_AES: self = .aes256
        case CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY:
            guard let parameters,
                let kind = KeyKind.allCases.first(where: {
                    !$0.parameters.isEmpty && ($0.isECDH == derives || $0 == .x25519 || $0 == .ed25519)
                        && ($0.parameters == parameters || $0.namedParameters == parameters)
                })
            else { return nil }
            self = kind
        default: return nil
        }
    }

    // MARK: templates

    /// The attributes of every key that D-TA makes: not readable, on the token, and for the uses of its kind. Other uses
    /// are forbidden one by one, because a token may allow them by default.
    /// - Parameter isOnToken: false for a key that is to be copied to the token.
    func keyTemplate(_ label: ObjectLabel, id: [UInt8], isOnToken: Bool = true) -> [Attribute] {
        let common = [
            Attribute(CKA_TOKEN, isOnToken), Attribute(CKA_PRIVATE, true), Attribute(CKA_SENSITIVE, true),
            Attribute(CKA_EXTRACTABLE, false), Attribute(CKA_LABEL, label.text),
            Attribute(CKA_ID, id), Attribute(CKA_SIGN, !isECDH && self != .aes256),
            Attribute(CKA_DECRYPT, self == .aes256 || isRSA), Attribute(CKA_DERIVE, isECDH),
            Attribute(CKA_UNWRAP, false),
        ]
        if isPair { return common }
        return common + [
            Attribute(CKA_ENCRYPT, self == .aes256), Attribute(CKA_VERIFY, false), Attribute(CKA_WRAP, false),
            Attribute(CKA_VALUE_LEN, number: 32),
        ]
    }

    /// The attributes of a private or secret key that exists already, without its numbers.
    func importedTemplate(_ label: ObjectLabel, id: [UInt8]) -> [Attribute] {
        let common = keyTemplate(label, id: id).filter { $0.type != CK_ATTRIBUTE_TYPE(CKA_VALUE_LEN) }
        let named =
            common + [
                Attribute(CKA_CLASS, number: isPair ? CKO_PRIVATE_KEY : CKO_SECRET_KEY),
                Attribute(CKA_KEY_TYPE, number: typeNumber),
            ]
        return parameters.isEmpty ? named : named + [Attribute(CKA_EC_PARAMS, parameters)]
    }

    /// The attributes of its public half.
    func importedPublicTemplate(_ label: ObjectLabel, id: [UInt8], _ half: PublicKey) -> [Attribute] {
        let common = publicTemplate(label, id: id).filter { $0.type != CK_ATTRIBUTE_TYPE(CKA_MODULUS_BITS) }
        let named =
            common + [
                Attribute(CKA_CLASS, number: CKO_PUBLIC_KEY), Attribute(CKA_KEY_TYPE, number: typeNumber),
            ]
        if let modulus = half.rsaModulus { return named + [Attribute(CKA_MODULUS, modulus)] }
        return named + [Attribute(CKA_EC_POINT, [0x04, UInt8(truncatingIfNeeded: half.raw.count)] + half.raw)]
    }

    /// CKA_KEY_TYPE.
    private var typeNumber: UInt {
        switch self {
        case .ed25519: UInt(CKK_EC_EDWARDS)
        case .x25519: CKK_EC_MONTGOMERY
        case .p256, .p384, .secp256k1, .p256ECDH, .p384ECDH: UInt(CKK_EC)
        case .hmacSHA256: UInt(CKK_GENERIC_SECRET)
        case .aes256: UInt(CKK_AES)
        case .rsa2048, .rsa3072, .rsa4096: UInt(CKK_RSA)
        }
    }

    func publicTemplate(_ label: ObjectLabel, id: [UInt8], isOnToken: Bool = true) -> [Attribute] {
        let common = [
            Attribute(CKA_TOKEN, isOnToken), Attribute(CKA_PRIVATE, false),
            Attribute(CKA_LABEL, label.text), Attribute(CKA_ID, id),
            Attribute(CKA_VERIFY, !isECDH), Attribute(CKA_ENCRYPT, false), Attribute(CKA_WRAP, false),
        ]
        guard let modulusLength else { return common + [Attribute(CKA_EC_PARAMS, parameters)] }
        return common + [
            Attribute(CKA_MODULUS_BITS, number: UInt(8 * modulusLength)),
            Attribute(CKA_PUBLIC_EXPONENT, [0x01, 0x00, 0x01]),
        ]
    }

    /// The bytes of a public key on a curve; 0 for others.
    var publicSize: Int {
        switch self {
        case .ed25519, .x25519: 32
        case .p256, .secp256k1, .p256ECDH: 65
        case .p384, .p384ECDH: 97
        case .hmacSHA256, .aes256, .rsa2048, .rsa3072, .rsa4096: 0
        }
    }

    /// The public key out of CKA_EC_POINT, which is an OCTET STRING in DER, as PKCS#11 2.40 says, or, as newer
    /// versions say of Edwards and Montgomery keys, the bare bytes.
    func publicKey(point: [UInt8]) -> [UInt8]? {
        let size = publicSize
        if point.count == size + 2, point.starts(with: [0x04, UInt8(size)]) { return Array(point.dropFirst(2)) }
        return point.count == size ? point : nil
    }
}
