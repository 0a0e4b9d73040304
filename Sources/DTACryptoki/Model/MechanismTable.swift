import CPKCS11

/// The mechanisms of the token.
enum MechanismTable {
    struct Entry: Sendable {
        let type: UInt
        let smallest: UInt
        let largest: UInt
        /// `CKF_…`
        let flags: UInt
    }

    static func entry(_ type: UInt) -> Entry? { all.first { $0.type == type } }

    /// Whether a mechanism that signs is one of RSA's.
    static func isRSA(_ type: UInt) -> Bool {
        switch type {
        case CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS, CKM_SHA384_RSA_PKCS, CKM_SHA512_RSA_PKCS, CKM_RSA_PKCS_PSS,
            CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384_RSA_PKCS_PSS, CKM_SHA512_RSA_PKCS_PSS:
            true
        default: false
        }
    }

    private static let curve = CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS
    private static let signing = CKF_SIGN | CKF_VERIFY

    static let all: [Entry] =
        [
            Entry(type: CKM_ECDSA, smallest: 256, largest: 384, flags: CKF_HW | signing | curve),
            Entry(type: CKM_ECDSA_SHA1, smallest: 256, largest: 384, flags: signing | curve),
            Entry(type: CKM_ECDSA_SHA224, smallest: 256, largest: 384, flags: signing | curve),
            Entry(type: CKM_ECDSA_SHA256, smallest: 256, largest: 384, flags: signing | curve),
            Entry(type: CKM_ECDSA_SHA384, smallest: 256, largest: 384, flags: signing | curve),
            Entry(type: CKM_ECDSA_SHA512, smallest: 256, largest: 384, flags: signing | curve),
            Entry(type: CKM_ECDH1_DERIVE, smallest: 256, largest: 384, flags: CKF_HW | CKF_DERIVE | curve),
            Entry(type: CKM_EDDSA, smallest: 256, largest: 256, flags: CKF_HW | signing),
            Entry(type: CKM_SHA256_HMAC, smallest: 32, largest: 32, flags: CKF_HW | signing),
            Entry(type: CKM_RSA_PKCS, smallest: 2048, largest: 4096, flags: CKF_HW | signing),
            Entry(type: CKM_SHA256_RSA_PKCS, smallest: 2048, largest: 4096, flags: signing),
            Entry(type: CKM_SHA384_RSA_PKCS, smallest: 2048, largest: 4096, flags: signing),
            Entry(type: CKM_SHA512_RSA_PKCS, smallest: 2048, largest: 4096, flags: signing),
            Entry(type: CKM_RSA_PKCS_PSS, smallest: 2048, largest: 4096, flags: CKF_HW | signing),
            Entry(type: CKM_SHA256_RSA_PKCS_PSS, smallest: 2048, largest: 4096, flags: signing),
            Entry(type: CKM_SHA384_RSA_PKCS_PSS, smallest: 2048, largest: 4096, flags: signing),
            Entry(type: CKM_SHA512_RSA_PKCS_PSS, smallest: 2048, largest: 4096, flags: signing),
            Entry(
                type: CKM_RSA_PKCS_OAEP, smallest: 2048, largest: 4096, flags: CKF_HW | CKF_DECRYPT | CKF_ENCRYPT),
            Entry(type: CKM_AES_GCM, smallest: 32, largest: 32, flags: CKF_HW | CKF_DECRYPT),
            Entry(
                type: CKM_RSA_PKCS_KEY_PAIR_GEN, smallest: 3072, largest: 4096, flags: CKF_HW | CKF_GENERATE_KEY_PAIR),
            Entry(
                type: CKM_EC_KEY_PAIR_GEN, smallest: 256, largest: 384, flags: CKF_HW | CKF_GENERATE_KEY_PAIR | curve),
            Entry(
                type: CKM_EC_EDWARDS_KEY_PAIR_GEN, smallest: 256, largest: 256, flags: CKF_HW | CKF_GENERATE_KEY_PAIR),
            Entry(type: CKM_GENERIC_SECRET_KEY_GEN, smallest: 32, largest: 32, flags: CKF_HW | CKF_GENERATE),
            Entry(type: CKM_AES_KEY_GEN, smallest: 32, largest: 32, flags: CKF_HW | CKF_GENERATE),
        ]
        + digests.map { Entry(type: $0.type, smallest: 0, largest: 0, flags: CKF_DIGEST) }

    static let digests: [(type: UInt, hash: HashFunction)] = [
        (CKM_SHA_1, .sha1), (CKM_SHA224, .sha224), (CKM_SHA256, .sha256), (CKM_SHA384, .sha384), (CKM_SHA512, .sha512),
    ]
}
