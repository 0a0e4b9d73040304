import CPKCS11

/// An attribute of a template.
public struct Attribute: Equatable, Sendable {
    /// `CKA_…`
    public let type: UInt
    /// Nil if the caller marked it as not valid.
    public let value: AttributeValue?

    public init(_ type: UInt, _ value: AttributeValue?) {
        self.type = type
        self.value = value
    }
}

/// A value of an attribute.
public enum AttributeValue: Equatable, Sendable {
    case flag(Bool)
    case number(UInt)
    case bytes([UInt8])
    case numbers([UInt])
    /// A template inside of a template, whose content is not kept: nothing here has such attributes.
    case template

    /// Bytes in the form that PKCS#11 has in memory.
    public var length: Int {
        switch self {
        case .flag: 1
        case .number: 8
        case .bytes(let bytes): bytes.count
        case .numbers(let numbers): numbers.count * 8
        case .template: 0
        }
    }
}

/// What a caller gets of an attribute.
public enum AttributeAnswer: Equatable, Sendable {
    case value(AttributeValue)
    /// Its length: the caller gave no room.
    case length(AttributeValue)
    /// Nothing: there is no such attribute, it is secret, or the room is too small.
    case nothing
}

/// How attributes of a type travel (`map_attribute_to_value_type` in p11-kit's `rpc-message.c`).
enum AttributeForm {
    case flag, number, bytes, numbers, template

    init(of type: UInt) {
        switch type {
        case CKA_TOKEN, CKA_PRIVATE, CKA_TRUSTED, CKA_SENSITIVE, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP,
            CKA_SIGN, CKA_SIGN_RECOVER, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_DERIVE, CKA_EXTRACTABLE, CKA_LOCAL,
            CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_MODIFIABLE, CKA_COPYABLE, CKA_SECONDARY_AUTH,
            CKA_ALWAYS_AUTHENTICATE, CKA_WRAP_WITH_TRUSTED, CKA_RESET_ON_INIT, CKA_HAS_RESET, CKA_COLOR:
            self = .flag
        case CKA_CLASS, CKA_CERTIFICATE_TYPE, CKA_CERTIFICATE_CATEGORY, CKA_JAVA_MIDP_SECURITY_DOMAIN, CKA_KEY_TYPE,
            CKA_MODULUS_BITS, CKA_PRIME_BITS, CKA_SUB_PRIME_BITS, CKA_VALUE_BITS, CKA_VALUE_LEN, CKA_KEY_GEN_MECHANISM,
            CKA_AUTH_PIN_FLAGS, CKA_HW_FEATURE_TYPE, CKA_PIXEL_X, CKA_PIXEL_Y, CKA_RESOLUTION, CKA_CHAR_ROWS,
            CKA_CHAR_COLUMNS, CKA_BITS_PER_PIXEL, CKA_MECHANISM_TYPE:
            self = .number
        case CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE: self = .template
        case CKA_ALLOWED_MECHANISMS: self = .numbers
        // CKA_START_DATE and CKA_END_DATE have the form of bytes.
        default: self = .bytes
        }
    }
}
