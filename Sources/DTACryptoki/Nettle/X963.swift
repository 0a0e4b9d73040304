import CPKCS11
import DTABytes

/// The key derivation of ANSI X9.63 (SEC 1, 3.6.1), which CMS uses with ECDH (RFC 5753, 7.1).
struct X963 {
    private let hash: HashFunction
    private let sharedInfo: [UInt8]

    /// - Parameter kdf: CKD_SHA1_KDF and the like (PKCS#11 3.0, 2.3.10). Any other gives nil.
    init?(_ kdf: UInt, _ sharedInfo: [UInt8]) {
        switch kdf {
        case CKD_SHA1_KDF: hash = .sha1
        case CKD_SHA224_KDF: hash = .sha224
        case CKD_SHA256_KDF: hash = .sha256
        case CKD_SHA384_KDF: hash = .sha384
        case CKD_SHA512_KDF: hash = .sha512
        default: return nil
        }
        self.sharedInfo = sharedInfo
    }

    func derive(from shared: [UInt8], count: Int) -> [UInt8] {
        var derived: [UInt8] = []
        var counter: UInt16 = 1
        while derived.count < count {
            var input = shared + [0, 0, UInt8(counter >> 8), UInt8(truncatingIfNeeded: counter)] + sharedInfo
            var block = hash.digest(input)
            derived += block.prefix(count - derived.count)
            wipe(&input)
            wipe(&block)
            counter += 1
        }
        return derived
    }
}
