/// How a token takes the other side's X25519 key in CK_ECDH1_DERIVE_PARAMS: PKCS#11 allows both.
enum X25519Encoding: CaseIterable {
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
