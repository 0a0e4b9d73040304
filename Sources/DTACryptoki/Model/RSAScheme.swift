import CPKCS11

/// How an RSA key signs: a padding and a hash (RFC 8017, 8). PSS has MGF1 with the same hash, and a salt as long as the
/// digest.
public struct RSAScheme: Equatable, Sendable {
    public enum Padding: Sendable {
        /// PKCS#1 v1.5.
        case pkcs1
        case pss
    }

    public let padding: Padding
    /// SHA-256, SHA-384 or SHA-512.
    public let hash: HashFunction

    static let hashes: [HashFunction] = [.sha256, .sha384, .sha512]

    /// What stands in a DigestInfo before the digest (RFC 8017, 9.2, note 1).
    static func digestInfoPrefix(_ hash: HashFunction) -> [UInt8] {
        let size = UInt8(truncatingIfNeeded: hash.length)
        let last: UInt8 = hash == .sha256 ? 1 : hash == .sha384 ? 2 : 3
        // SEQUENCE { AlgorithmIdentifier { 2.16.840.1.101.3.4.2.N, NULL }, OCTET STRING }
        return [
            0x30, 17 + size, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last, 0x05, 0x00,
            0x04, size,
        ]
    }

    /// The hash and the digest that a DigestInfo says.
    /// - Returns: nil if it is not exactly that of one of the hashes: nothing else is signed.
    static func read(digestInfo: [UInt8]) -> (hash: HashFunction, digest: [UInt8])? {
        for hash in hashes {
            let prefix = digestInfoPrefix(hash)
            if digestInfo.count == prefix.count + hash.length, digestInfo.starts(with: prefix) {
                return (hash, Array(digestInfo.dropFirst(prefix.count)))
            }
        }
        return nil
    }
}

extension HashFunction {
    /// That of a mechanism of digests, and the mask generation function that goes with it; nil for one that RSA keys do not
    /// use.
    init?(digest mechanism: UInt, mask: UInt) {
        switch (mechanism, mask) {
        case (CKM_SHA256, CKG_MGF1_SHA256): self = .sha256
        case (CKM_SHA384, CKG_MGF1_SHA384): self = .sha384
        case (CKM_SHA512, CKG_MGF1_SHA512): self = .sha512
        default: return nil
        }
    }
}
