import Crypto
import DTABytes
import FoundationEssentials

/// The values derived from an envelope's content key: the keys of its body and of its chunks, and the commitment. All
/// are bound to the core.
public struct ContentKeys: Sendable {
    /// Used once, for one body; hence the constant nonce.
    let body: SymmetricKey
    private let chunks: SymmetricKey
    /// 32 bytes.
    let commit: [UInt8]

    init(_ contentKey: SymmetricKey, salt: [UInt8], coreHash: [UInt8]) {
        // RFC 5869: one extraction, and an expansion for each.
        let secret = HKDF<SHA256>.extract(inputKeyMaterial: contentKey, salt: salt)
        func derive(_ label: String) -> SymmetricKey {
            HKDF<SHA256>.expand(
                pseudoRandomKey: secret, info: SignedBytes.labelled(label, coreHash), outputByteCount: 32)
        }
        body = derive("dta/envelope/1 body")
        chunks = derive("dta/envelope/1 chunks")
        commit = unsafe derive("dta/envelope/1 commit").withUnsafeBytes { unsafe Array($0) }
    }

    /// The key for `ChunkCipher`: 32 bytes. It opens and makes the chunks of this one envelope and nothing else; the
    /// content key does not follow from it.
    public var chunkKey: Secret { Secret(chunks) }

    /// An inline body: ciphertext ‖ tag.
    func seal(_ plaintext: Span<UInt8>) throws -> [UInt8] {
        let box = try unsafe plaintext.withUnsafeBytes { plaintext in
            unsafe try AES.GCM.seal(plaintext, using: body, nonce: AES.GCM.Nonce(data: ContentKeys.nonce))
        }
        return Array(box.ciphertext) + Array(box.tag)
    }

    /// - Throws: `FormatError.dataLoss`.
    func open(_ sealed: [UInt8]) throws -> Secret {
        guard
            let box = try? AES.GCM.SealedBox(
                nonce: AES.GCM.Nonce(data: ContentKeys.nonce), ciphertext: sealed.dropLast(Envelope.tagSize),
                tag: sealed.suffix(Envelope.tagSize)),
            var plaintext = try? AES.GCM.open(box, using: body)
        else { throw FormatError(.dataLoss, "the envelope's body is damaged: it does not fit the key") }
        return Secret(taking: &plaintext)
    }

    private static let nonce = [UInt8](repeating: 0, count: 12)

    /// HPKE's info of one wrap: it fits one envelope and one recipient.
    static func wrapInfo(coreHash: [UInt8], recipient: CID) -> Data {
        Data(SignedBytes.labelled("dta/envelope/1", coreHash, recipient.bytes))
    }
}
