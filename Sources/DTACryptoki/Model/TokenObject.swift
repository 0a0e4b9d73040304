import CPKCS11
import DTABytes

/// An object of the token, as PKCS#11 shows it: one half of a key, or a secret key.
struct TokenObject: Equatable, Sendable {
    enum Class: Equatable, Hashable, Sendable {
        case publicKey, privateKey, secretKey

        /// `CKO_…`
        var number: UInt {
            switch self {
            case .publicKey: CKO_PUBLIC_KEY
            case .privateKey: CKO_PRIVATE_KEY
            case .secretKey: CKO_SECRET_KEY
            }
        }
    }

    let objectClass: Class
    let key: TokenKey

    /// The objects of a key.
    static func objects(of key: TokenKey) -> [TokenObject] {
        let classes: [Class] = key.isSecret ? [.secretKey] : [.privateKey, .publicKey]
        return classes.map { TokenObject(objectClass: $0, key: key) }
    }

    /// What is known of an attribute.
    enum Answer: Equatable {
        case value(AttributeValue)
        /// There is one, and nobody gets it.
        case sensitive
        case unknown
    }

    func attribute(_ type: UInt) -> Answer {
        let value = common(type) ?? material(type) ?? ofClass(type)
        if let value { return .value(value) }
        return isSensitive(type) ? .sensitive : .unknown
    }

    /// Whether the object has an attribute with this value.
    func fits(_ wanted: Attribute) -> Bool {
        guard let value = wanted.value, case .value(let own) = attribute(wanted.type) else { return false }
        // The same curve under the name that older programs give it.
        if wanted.type == CKA_EC_PARAMS, value == .bytes(Edwards.name) { return own == .bytes(Edwards.parameters) }
        return own == value
    }

    private var isSecret: Bool { objectClass != .publicKey }

    private func isSensitive(_ type: UInt) -> Bool { isSecret && type == CKA_VALUE }

    /// PKCS#11 2.40, 4.4 to 4.10 and 3.1, 4: what all keys have.
    private func common(_ type: UInt) -> AttributeValue? {
        switch type {
        case CKA_CLASS: .number(objectClass.number)
        case CKA_TOKEN, CKA_LOCAL: .flag(true)
        case CKA_PRIVATE: .flag(isSecret)
        case CKA_MODIFIABLE, CKA_COPYABLE, CKA_DERIVE: .flag(false)
        // Destroying the public half would have to destroy the key.
        case CKA_DESTROYABLE: .flag(isSecret)
        case CKA_LABEL: .bytes(Array(key.label.utf8))
        case CKA_ID: .bytes(key.id)
        case CKA_KEY_TYPE: .number(keyType)
        case CKA_KEY_GEN_MECHANISM: .number(generation)
        case CKA_START_DATE, CKA_END_DATE: .bytes([])
        default: nil
        }
    }

    private var keyType: UInt {
        switch key.kind {
        case .ec: CKK_EC
        case .ed25519: CKK_EC_EDWARDS
        case .hmac: CKK_GENERIC_SECRET
        case .aes: CKK_AES
        }
    }

    private var generation: UInt {
        switch key.kind {
        case .ec: CKM_EC_KEY_PAIR_GEN
        case .ed25519: CKM_EC_EDWARDS_KEY_PAIR_GEN
        case .hmac: CKM_GENERIC_SECRET_KEY_GEN
        case .aes: CKM_AES_KEY_GEN
        }
    }

    /// What the key itself is.
    private func material(_ type: UInt) -> AttributeValue? {
        if type == CKA_PUBLIC_KEY_INFO, !key.isSecret { return .bytes(key.publicKeyInfo) }
        switch (key.kind, type) {
        case (.ec(let curve, _), CKA_EC_PARAMS): return .bytes(curve.parameters)
        case (.ed25519, CKA_EC_PARAMS): return .bytes(Edwards.parameters)
        // PKCS#11 2.40, 2.3.3: a point as an OCTET STRING in DER.
        case (.ec(_, let point), CKA_EC_POINT) where objectClass == .publicKey:
            return .bytes(DER.encode(DER.octetString, point))
        case (.ed25519(let point), CKA_EC_POINT) where objectClass == .publicKey:
            return .bytes(DER.encode(DER.octetString, point))
        case (.hmac, CKA_VALUE_LEN), (.aes, CKA_VALUE_LEN): return .number(32)
        default: return nil
        }
    }

    /// What may be done with an object of this class.
    private func ofClass(_ type: UInt) -> AttributeValue? {
        switch (objectClass, type) {
        case (.publicKey, CKA_VERIFY): .flag(true)
        case (.publicKey, CKA_ENCRYPT), (.publicKey, CKA_VERIFY_RECOVER), (.publicKey, CKA_WRAP),
            (.publicKey, CKA_TRUSTED):
            .flag(false)
        case (.publicKey, CKA_SUBJECT), (.privateKey, CKA_SUBJECT): .bytes([])
        case (.privateKey, CKA_SIGN): .flag(true)
        case (.privateKey, CKA_DECRYPT), (.privateKey, CKA_SIGN_RECOVER), (.privateKey, CKA_UNWRAP),
            (.privateKey, CKA_ALWAYS_AUTHENTICATE):
            .flag(false)
        case (.secretKey, CKA_SIGN), (.secretKey, CKA_VERIFY): .flag(key.kind == .hmac)
        case (.secretKey, CKA_ENCRYPT), (.secretKey, CKA_WRAP), (.secretKey, CKA_UNWRAP), (.secretKey, CKA_TRUSTED),
            (.secretKey, CKA_DECRYPT):
            .flag(false)
        case (.privateKey, CKA_SENSITIVE), (.secretKey, CKA_SENSITIVE), (.privateKey, CKA_ALWAYS_SENSITIVE),
            (.secretKey, CKA_ALWAYS_SENSITIVE), (.privateKey, CKA_NEVER_EXTRACTABLE),
            (.secretKey, CKA_NEVER_EXTRACTABLE):
            .flag(true)
        case (.privateKey, CKA_EXTRACTABLE), (.secretKey, CKA_EXTRACTABLE), (.privateKey, CKA_WRAP_WITH_TRUSTED),
            (.secretKey, CKA_WRAP_WITH_TRUSTED):
            .flag(false)
        default: nil
        }
    }
}
