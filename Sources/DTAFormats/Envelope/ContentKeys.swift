import Crypto
import FoundationEssentials

/// What follows from an envelope's content key: the key of the body and the commitment. Both are bound to the core.
struct ContentKeys {
    /// Used once, for one body; hence the constant nonce.
    let body: SymmetricKey
    /// 32 bytes.
    let commit: [UInt8]

    init(_ contentKey: SymmetricKey, salt: [UInt8], coreHash: [UInt8]) {
        func derive(_ label: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: contentKey, salt: salt, info: SignedBytes.labelled(label, coreHash),
                outputByteCount: 32)
        }
        body = derive("dta/envelope/1 body")
        commit = unsafe derive("dta/envelope/1 commit").withUnsafeBytes { unsafe Array($0) }
    }

    static let nonce = [UInt8](repeating: 0, count: 12)

    /// HPKE's info of one wrap: it fits one envelope and one recipient.
    static func wrapInfo(coreHash: [UInt8], recipient: CID) -> Data {
        Data(SignedBytes.labelled("dta/envelope/1", coreHash, recipient.bytes))
    }
}
