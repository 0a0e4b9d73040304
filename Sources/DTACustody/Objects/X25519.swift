/// X25519 (RFC 7748), as far as a token must be asked to compute it.
enum X25519 {
    /// u = 9: a private key times this is its public key.
    static let basePoint: [UInt8] = [9] + [UInt8](repeating: 0, count: 31)

    /// How a token takes the other side's key in CK_ECDH1_DERIVE_PARAMS: PKCS#11 allows both.
    enum Encoding: CaseIterable {
        /// The 32 bytes.
        case raw
        /// The 32 bytes as an OCTET STRING in DER.
        case octetString

        func encode(_ publicKey: [UInt8]) -> [UInt8] {
            switch self {
            case .raw: publicKey
            case .octetString: [0x04, UInt8(publicKey.count)] + publicKey
            }
        }
    }
}
