import CPKCS11
import DTABytes

/// An object of the token, as PKCS#11 shows it: one half of a key, a secret key, or a certificate of a key.
struct TokenObject: Equatable, Sendable {
    enum Class: Equatable, Hashable, Sendable {
        case publicKey, privateKey, secretKey, certificate

        /// `CKO_…`
        var number: UInt {
            switch self {
            case .publicKey: CKO_PUBLIC_KEY
            case .privateKey: CKO_PRIVATE_KEY
            case .secretKey: CKO_SECRET_KEY
            case .certificate: CKO_CERTIFICATE
            }
        }
    }

    let objectClass: Class
    let key: TokenKey
    /// Of a certificate object.
    let certificate: Certificate?

    init(_ objectClass: Class, _ key: TokenKey, certificate: Certificate? = nil) {
        self.objectClass = objectClass
        self.key = key
        self.certificate = certificate
    }

    /// The objects of a key: a caller who may only see it has no private one.
    static func objects(of key: TokenKey) -> [TokenObject] {
        if key.isSecret { return [TokenObject(.secretKey, key)] }
        let secret = key.uses.isEmpty ? [] : [TokenObject(.privateKey, key)]
        return secret + [TokenObject(.publicKey, key)]
            + key.certificates.map { TokenObject(.certificate, key, certificate: $0) }
    }

    /// What is known of an attribute.
    enum Answer: Equatable {
        case value(AttributeValue)
        /// There is one, and nobody gets it.
        case sensitive
        case unknown
    }

    func attribute(_ type: UInt) -> Answer {
        let value =
            certificate.map { shared(type) ?? TokenObject.ofCertificate($0, type) }
            ?? shared(type) ?? common(type) ?? material(type) ?? ofClass(type)
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

    private var isSecret: Bool { objectClass == .privateKey || objectClass == .secretKey }

    private func isSensitive(_ type: UInt) -> Bool {
        guard case .rsa = key.kind else { return isSecret && type == CKA_VALUE }
        let parts = [CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT]
        return isSecret && parts.contains(type)
    }

    /// What all objects have (PKCS#11 2.40, 4.4).
    private func shared(_ type: UInt) -> AttributeValue? {
        switch type {
        case CKA_CLASS: .number(objectClass.number)
        case CKA_TOKEN: .flag(true)
        case CKA_PRIVATE: .flag(isSecret)
        case CKA_MODIFIABLE: .flag(key.uses.contains(.manage))
        case CKA_COPYABLE: .flag(false)
        // Destroying the public half would have to destroy the key. p11-kit does not know that this is a flag, and has it
        // travel as bytes.
        case CKA_DESTROYABLE: .bytes([objectClass != .publicKey && key.uses.contains(.manage) ? 1 : 0])
        case CKA_LABEL: .bytes(Array(key.label.utf8))
        case CKA_ID: .bytes(key.id)
        case CKA_START_DATE, CKA_END_DATE: .bytes([])
        case CKA_PUBLIC_KEY_INFO where !key.isSecret: .bytes(key.publicKeyInfo)
        default: nil
        }
    }

    /// What all keys have (PKCS#11 2.40, 4.7).
    private func common(_ type: UInt) -> AttributeValue? {
        switch type {
        case CKA_LOCAL: .flag(!key.isImported)
        case CKA_DERIVE: .flag(key.isForAgreement && (objectClass == .publicKey || key.uses.contains(.derive)))
        case CKA_KEY_TYPE: .number(keyType)
        case CKA_KEY_GEN_MECHANISM: .number(generation)
        default: nil
        }
    }

    /// PKCS#11 2.40, 4.6.3.
    private static func ofCertificate(_ certificate: Certificate, _ type: UInt) -> AttributeValue? {
        switch type {
        case CKA_CERTIFICATE_TYPE: .number(CKC_X_509)
        case CKA_TRUSTED: .flag(false)
        case CKA_CERTIFICATE_CATEGORY, CKA_JAVA_MIDP_SECURITY_DOMAIN: .number(0)
        case CKA_CHECK_VALUE: .bytes(Array(HashFunction.sha1.digest(certificate.bytes).prefix(3)))
        case CKA_SUBJECT: .bytes(certificate.subject)
        case CKA_ISSUER: .bytes(certificate.issuer)
        case CKA_SERIAL_NUMBER: .bytes(certificate.serialNumber)
        case CKA_VALUE: .bytes(certificate.bytes)
        case CKA_URL, CKA_HASH_OF_SUBJECT_PUBLIC_KEY, CKA_HASH_OF_ISSUER_PUBLIC_KEY: .bytes([])
        default: nil
        }
    }

    private var keyType: UInt {
        switch key.kind {
        case .ec: CKK_EC
        case .ed25519: CKK_EC_EDWARDS
        case .rsa: CKK_RSA
        case .hmac: CKK_GENERIC_SECRET
        case .aes: CKK_AES
        }
    }

    private var generation: UInt {
        // CK_UNAVAILABLE_INFORMATION: it was made elsewhere.
        if key.isImported { return .max }
        return switch key.kind {
        case .ec: CKM_EC_KEY_PAIR_GEN
        case .ed25519: CKM_EC_EDWARDS_KEY_PAIR_GEN
        case .rsa: CKM_RSA_PKCS_KEY_PAIR_GEN
        case .hmac: CKM_GENERIC_SECRET_KEY_GEN
        case .aes: CKM_AES_KEY_GEN
        }
    }

    /// What the key itself is.
    private func material(_ type: UInt) -> AttributeValue? {
        switch (key.kind, type) {
        case (.ec(let curve, _), CKA_EC_PARAMS): return .bytes(curve.parameters)
        case (.ed25519, CKA_EC_PARAMS): return .bytes(Edwards.parameters)
        // PKCS#11 2.40, 2.3.3: a point as an OCTET STRING in DER.
        case (.ec(_, let point), CKA_EC_POINT) where objectClass == .publicKey:
            return .bytes(DER.encode(DER.octetString, point))
        case (.ed25519(let point), CKA_EC_POINT) where objectClass == .publicKey:
            return .bytes(DER.encode(DER.octetString, point))
        case (.rsa(let modulus), CKA_MODULUS): return .bytes(modulus)
        case (.rsa, CKA_PUBLIC_EXPONENT): return .bytes(RSAPublicKey.exponent)
        case (.rsa(let modulus), CKA_MODULUS_BITS) where objectClass == .publicKey:
            return .number(UInt(8 * modulus.count))
        case (.hmac, CKA_VALUE_LEN), (.aes, CKA_VALUE_LEN): return .number(32)
        default: return nil
        }
    }

    private var isRSA: Bool {
        if case .rsa = key.kind { return true }
        return false
    }

    /// What may be done with an object of this class.
    private func ofClass(_ type: UInt) -> AttributeValue? {
        switch (objectClass, type) {
        case (.publicKey, CKA_VERIFY): .flag(!key.isForAgreement)
        case (.publicKey, CKA_ENCRYPT): .flag(isRSA)
        case (.privateKey, CKA_DECRYPT): .flag(isRSA && key.uses.contains(.decrypt))
        case (.publicKey, CKA_VERIFY_RECOVER), (.publicKey, CKA_WRAP),
            (.publicKey, CKA_TRUSTED):
            .flag(false)
        case (.publicKey, CKA_SUBJECT), (.privateKey, CKA_SUBJECT): .bytes(key.certificates.first?.subject ?? [])
        case (.privateKey, CKA_SIGN): .flag(key.uses.contains(.sign))
        case (.privateKey, CKA_SIGN_RECOVER), (.privateKey, CKA_UNWRAP),
            (.privateKey, CKA_ALWAYS_AUTHENTICATE):
            .flag(false)
        case (.secretKey, CKA_SIGN), (.secretKey, CKA_VERIFY): .flag(key.kind == .hmac && key.uses.contains(.sign))
        case (.secretKey, CKA_DECRYPT): .flag(key.kind == .aes && key.uses.contains(.decrypt))
        case (.secretKey, CKA_ENCRYPT), (.secretKey, CKA_WRAP), (.secretKey, CKA_UNWRAP), (.secretKey, CKA_TRUSTED):
            .flag(false)
        case (.privateKey, CKA_SENSITIVE), (.secretKey, CKA_SENSITIVE): .flag(true)
        case (.privateKey, CKA_ALWAYS_SENSITIVE), (.secretKey, CKA_ALWAYS_SENSITIVE),
            (.privateKey, CKA_NEVER_EXTRACTABLE), (.secretKey, CKA_NEVER_EXTRACTABLE):
            .flag(!key.isImported)
        case (.privateKey, CKA_EXTRACTABLE), (.secretKey, CKA_EXTRACTABLE), (.privateKey, CKA_WRAP_WITH_TRUSTED),
            (.secretKey, CKA_WRAP_WITH_TRUSTED):
            .flag(false)
        default: nil
        }
    }
}
