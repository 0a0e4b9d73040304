import CPKCS11

/// A secret on which a session agreed: an object of that session, whose value its caller may read.
struct DerivedSecret {
    let session: UInt
    var value: [UInt8]
    /// CKA_LABEL and CKA_ID, as its maker chose.
    let label: [UInt8]
    let id: [UInt8]

    /// Secrets that a client can have at once.
    static let limit = 256

    /// Bytes that are derived at most: more than any cipher's keys take.
    static let sizeLimit = 512

    /// The bytes that the secret will have.
    /// - Parameter shared: the bytes of the shared secret.
    /// - Throws: ``CryptokiError`` if a template asks for an object that stays, or that cannot be read.
    static func size(_ template: [Attribute], _ derivation: X963?, shared: Int) throws(CryptokiError) -> Int {
        for (type, wanted) in [
            (CKA_CLASS, AttributeValue.number(CKO_SECRET_KEY)), (CKA_KEY_TYPE, .number(CKK_GENERIC_SECRET)),
            (CKA_TOKEN, .flag(false)), (CKA_SENSITIVE, .flag(false)), (CKA_EXTRACTABLE, .flag(true)),
        ] {
            guard template.value(type) ?? wanted == wanted else { throw CryptokiError(CKR_TEMPLATE_INCONSISTENT) }
        }
        guard template.value(CKA_VALUE) == nil else { throw CryptokiError(CKR_TEMPLATE_INCONSISTENT) }
        guard (template.bytes(CKA_LABEL) ?? []).count <= 64, (template.bytes(CKA_ID) ?? []).count <= 64 else {
            throw CryptokiError(CKR_ATTRIBUTE_VALUE_INVALID)
        }
        guard case .number(let wanted) = template.value(CKA_VALUE_LEN) ?? .number(0) else {
            throw CryptokiError(CKR_ATTRIBUTE_VALUE_INVALID)
        }
        guard derivation != nil else {
            // Whole, and not cut: what is cut has nothing to tell it from another key's secret.
            guard wanted == 0 || wanted == UInt(shared) else { throw CryptokiError(CKR_KEY_SIZE_RANGE) }
            return shared
        }
        guard wanted > 0 else { throw CryptokiError(CKR_TEMPLATE_INCOMPLETE) }
        guard wanted <= UInt(sizeLimit) else { throw CryptokiError(CKR_KEY_SIZE_RANGE) }
        return Int(wanted)
    }

    func attribute(_ type: UInt) -> TokenObject.Answer {
        switch type {
        case CKA_CLASS: .value(.number(CKO_SECRET_KEY))
        case CKA_KEY_TYPE: .value(.number(CKK_GENERIC_SECRET))
        case CKA_LABEL: .value(.bytes(label))
        case CKA_ID: .value(.bytes(id))
        case CKA_VALUE: .value(.bytes(value))
        case CKA_VALUE_LEN: .value(.number(UInt(value.count)))
        case CKA_KEY_GEN_MECHANISM: .value(.number(.max))
        case CKA_START_DATE, CKA_END_DATE: .value(.bytes([]))
        case CKA_EXTRACTABLE: .value(.flag(true))
        case CKA_DESTROYABLE: .value(.bytes([1]))
        case CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_LOCAL,
            CKA_MODIFIABLE, CKA_COPYABLE, CKA_DERIVE, CKA_SIGN, CKA_VERIFY, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP,
            CKA_UNWRAP, CKA_TRUSTED, CKA_WRAP_WITH_TRUSTED:
            .value(.flag(false))
        default: .unknown
        }
    }

    func fits(_ wanted: Attribute) -> Bool {
        guard let value = wanted.value else { return false }
        return attribute(wanted.type) == .value(value)
    }
}
