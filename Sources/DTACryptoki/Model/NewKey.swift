import CPKCS11

/// A key that is to be made.
public enum NewKey: Equatable, Sendable {
    case ec(Curve)
    /// A key for ECDH: P-256 or P-384.
    case agreement(Curve)
    case ed25519
    /// `bits`: 3072 or 4096.
    case rsa(bits: Int)
    case hmac
    case aes

    /// What a mechanism of `C_GenerateKeyPair` makes, with the public and the private template.
    init(pair mechanism: Mechanism, _ template: [Attribute], _ secret: [Attribute]) throws(CryptokiError) {
        try mechanism.requireNoParameter()
        let parameters = template.bytes(CKA_EC_PARAMS)
        switch mechanism.type {
        case CKM_EC_KEY_PAIR_GEN:
            guard let parameters else { throw CryptokiError(CKR_TEMPLATE_INCOMPLETE) }
            guard let curve = Curve.allCases.first(where: { $0.parameters == parameters }) else {
                throw CryptokiError(CKR_CURVE_NOT_SUPPORTED)
            }
            // A key does one of both. Programs that ask for all uses want signatures.
            let derives = secret.value(CKA_DERIVE) == .flag(true) && secret.value(CKA_SIGN) != .flag(true)
            self = derives && curve != .secp256k1 ? .agreement(curve) : .ec(curve)
        case CKM_EC_EDWARDS_KEY_PAIR_GEN:
            guard parameters == nil || parameters == Edwards.parameters || parameters == Edwards.name else {
                throw CryptokiError(CKR_CURVE_NOT_SUPPORTED)
            }
            self = .ed25519
        case CKM_RSA_PKCS_KEY_PAIR_GEN:
            guard case .number(let bits) = template.value(CKA_MODULUS_BITS) else {
                throw CryptokiError(CKR_TEMPLATE_INCOMPLETE)
            }
            guard let size = RSAPublicKey.sizes.first(where: { $0 == bits }) else {
                throw CryptokiError(CKR_KEY_SIZE_RANGE)
            }
            let exponent = template.bytes(CKA_PUBLIC_EXPONENT)?.drop { $0 == 0 }
            guard exponent == nil || exponent == RSAPublicKey.exponent[...] else {
                throw CryptokiError(CKR_ATTRIBUTE_VALUE_INVALID)
            }
            self = .rsa(bits: size)
        default: throw CryptokiError(CKR_MECHANISM_INVALID)
        }
    }

    /// What a mechanism of `C_GenerateKey` makes.
    init(secret mechanism: Mechanism, _ template: [Attribute]) throws(CryptokiError) {
        try mechanism.requireNoParameter()
        switch mechanism.type {
        case CKM_GENERIC_SECRET_KEY_GEN: self = .hmac
        case CKM_AES_KEY_GEN: self = .aes
        default: throw CryptokiError(CKR_MECHANISM_INVALID)
        }
        guard let length = template.value(CKA_VALUE_LEN) else { throw CryptokiError(CKR_TEMPLATE_INCOMPLETE) }
        guard length == .number(32) else { throw CryptokiError(CKR_KEY_SIZE_RANGE) }
    }

    /// A key of the kind, without its material: its objects say what a template may ask for.
    private var example: TokenKey {
        let kind: KeyKind =
            switch self {
            case .ec(let curve), .agreement(let curve): .ec(curve, point: [])
            case .ed25519: .ed25519([])
            case .rsa: .rsa(modulus: [])
            case .hmac: .hmac
            case .aes: .aes
            }
        let info: [UInt8] = kind == .hmac || kind == .aes ? [] : [0]
        if case .agreement = self {
            return TokenKey(
                name: "", owner: nil, created: 0, kind: kind, publicKeyInfo: info, uses: [.derive, .manage],
                isForAgreement: true)
        }
        return TokenKey(name: "", owner: nil, created: 0, kind: kind, publicKeyInfo: info)
    }

    /// Says that a template asks for nothing that the object will not have.
    func check(_ template: [Attribute], _ objectClass: TokenObject.Class) throws(CryptokiError) {
        let object = TokenObject(objectClass, example)
        for attribute in template {
            switch attribute.type {
            // The caller's to choose.
            case CKA_LABEL, CKA_ID: continue
            // Who may change an object is the policy's to say.
            case CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE: continue
            case CKA_EC_PARAMS where objectClass == .publicKey: continue
            case CKA_MODULUS_BITS where objectClass == .publicKey: continue
            case CKA_PUBLIC_EXPONENT where objectClass == .publicKey: continue
            // Programs ask for every use that they know; the key allows what it can, and its object says so.
            case CKA_DERIVE, CKA_DECRYPT, CKA_ENCRYPT, CKA_WRAP, CKA_UNWRAP, CKA_SIGN_RECOVER, CKA_VERIFY_RECOVER:
                continue
            default:
                guard object.fits(attribute) else { throw CryptokiError(CKR_TEMPLATE_INCONSISTENT) }
            }
        }
    }
}

extension [Attribute] {
    func value(_ type: UInt) -> AttributeValue? { first { $0.type == type }?.value }

    func bytes(_ type: UInt) -> [UInt8]? {
        guard case .bytes(let bytes) = value(type) else { return nil }
        return bytes
    }
}
