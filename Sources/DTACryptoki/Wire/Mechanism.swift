import CPKCS11

/// A mechanism and its parameter.
public struct Mechanism: Equatable, Sendable {
    /// `CKM_…`
    public let type: UInt
    public let parameter: Parameter

    public enum Parameter: Equatable, Sendable {
        /// Bytes as they are; empty if there is none.
        case bytes([UInt8])
        /// CK_RSA_PKCS_PSS_PARAMS; `salt` in bytes.
        case pss(hash: UInt, mask: UInt, salt: UInt)
        /// CK_RSA_PKCS_OAEP_PARAMS.
        case oaep(hash: UInt, mask: UInt, source: UInt, label: [UInt8])
        /// CK_ECDH1_DERIVE_PARAMS.
        case ecdh(kdf: UInt, shared: [UInt8], point: [UInt8])
        /// CK_GCM_PARAMS.
        case gcm(nonce: [UInt8], associated: [UInt8], tagBits: UInt)
        /// CK_MAC_GENERAL_PARAMS.
        case number(UInt)
    }

    public init(_ type: UInt, _ parameter: Parameter = .bytes([])) {
        self.type = type
        self.parameter = parameter
    }

    /// Says that the caller gave no parameter to a mechanism that has none.
    func requireNoParameter() throws(CryptokiError) {
        guard parameter == .bytes([]) else { throw CryptokiError(CKR_MECHANISM_PARAM_INVALID) }
    }
}

/// How parameters of a mechanism travel (`p11_rpc_mechanism_serializers` in p11-kit's `rpc-message.c`). A client sends no
/// mechanism whose parameter its release cannot write.
enum MechanismForm {
    case bytes, pss, oaep, ecdh, gcm, counter, number

    init(of type: UInt) {
        switch type {
        case CKM_RSA_PKCS_PSS, CKM_SHA1_RSA_PKCS_PSS, CKM_SHA224_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS_PSS,
            CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS:
            self = .pss
        case CKM_RSA_PKCS_OAEP: self = .oaep
        case CKM_ECDH1_DERIVE: self = .ecdh
        case CKM_AES_GCM: self = .gcm
        case CKM_AES_CTR: self = .counter
        case CKM_SHA_1_HMAC_GENERAL, CKM_SHA224_HMAC_GENERAL, CKM_SHA256_HMAC_GENERAL, CKM_SHA384_HMAC_GENERAL,
            CKM_SHA512_HMAC_GENERAL, CKM_SHA512_224_HMAC_GENERAL, CKM_SHA512_256_HMAC_GENERAL, CKM_AES_MAC_GENERAL,
            CKM_AES_CMAC_GENERAL, CKM_DES3_MAC_GENERAL, CKM_DES3_CMAC_GENERAL:
            self = .number
        default: self = .bytes
        }
    }
}
