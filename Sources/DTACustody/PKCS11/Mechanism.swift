import CPKCS11

// PKCS#11 3.0 has these names; p11-kit's header does not.
// swift-format-ignore: AlwaysUseLowerCamelCase
let CKM_EC_MONTGOMERY_KEY_PAIR_GEN: UInt = 0x1056
// swift-format-ignore: AlwaysUseLowerCamelCase
let CKK_EC_MONTGOMERY: UInt = 0x41

/// A mechanism as PKCS#11 writes it.
func name(of mechanism: UInt) -> String {
    switch mechanism {
    case CKM_EC_KEY_PAIR_GEN: "CKM_EC_KEY_PAIR_GEN"
    case CKM_EC_EDWARDS_KEY_PAIR_GEN: "CKM_EC_EDWARDS_KEY_PAIR_GEN"
    case CKM_EC_MONTGOMERY_KEY_PAIR_GEN: "CKM_EC_MONTGOMERY_KEY_PAIR_GEN"
    case CKM_GENERIC_SECRET_KEY_GEN: "CKM_GENERIC_SECRET_KEY_GEN"
    case CKM_AES_KEY_GEN: "CKM_AES_KEY_GEN"
    case CKM_ECDSA: "CKM_ECDSA"
    case CKM_EDDSA: "CKM_EDDSA"
    case CKM_SHA256_HMAC: "CKM_SHA256_HMAC"
    case CKM_AES_GCM: "CKM_AES_GCM"
    case CKM_ECDH1_DERIVE: "CKM_ECDH1_DERIVE"
    case CKM_RSA_PKCS_KEY_PAIR_GEN: "CKM_RSA_PKCS_KEY_PAIR_GEN"
    case CKM_RSA_PKCS: "CKM_RSA_PKCS"
    case CKM_RSA_PKCS_PSS: "CKM_RSA_PKCS_PSS"
    case CKM_RSA_PKCS_OAEP: "CKM_RSA_PKCS_OAEP"
    case CKM_RSA_X_509: "CKM_RSA_X_509"
    default: "mechanism 0x" + String(mechanism, radix: 16)
    }
}
