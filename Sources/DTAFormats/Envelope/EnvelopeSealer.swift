import Crypto
import FoundationEssentials

/// Makes envelopes, for a `SignedEnvelope` to be signed. Every call uses a fresh content key, salt and encapsulation: a
/// seal that failed is started again, never resumed.
public enum EnvelopeSealer {
    /// Seals `plaintext` to the recipients, whose order does not matter and of whom each counts once.
    /// - Parameters: `content`: its media type; `created`: Unix seconds; `previous`: the envelope that this one answers,
    ///   whose thread it continues, else a new thread begins.
    /// - Throws: `FormatError` for a plaintext of more than 256 KiB, no recipients or more than 256.
    public static func seal(
        _ plaintext: [UInt8], content: String, from sender: CID, to recipients: [SignedIdentity], created: Int64,
        answering previous: SignedEnvelope? = nil
    ) throws -> Envelope {
        try seal(
            plaintext, header: header(content, sender, created, previous), to: recipients, salt: random(32),
            contentKey: SymmetricKey(size: .bits256))
    }

    /// An envelope that anybody can read; its signature alone protects it.
    public static func publish(
        _ plaintext: [UInt8], content: String, from sender: CID, created: Int64,
        answering previous: SignedEnvelope? = nil
    ) throws -> Envelope {
        try check(plaintext)
        return Envelope(header: try header(content, sender, created, previous), sealing: nil, body: plaintext)
    }

    // Internal, because a salt and a key that are used twice would give two plaintexts under one key and nonce.
    static func seal(
        _ plaintext: [UInt8], header: Envelope.Header, to recipients: [SignedIdentity], salt: [UInt8],
        contentKey: SymmetricKey
    ) throws -> Envelope {
        try check(plaintext)
        let identities = Dictionary(recipients.map { ($0.cid, $0.identity) }, uniquingKeysWith: { first, _ in first })
        let to = identities.sorted { $0.key < $1.key }
        guard !to.isEmpty else { throw FormatError(.invalidArgument, "sealing needs one recipient at least") }
        guard to.count <= Envelope.recipientLimit else { throw Envelope.tooManyRecipients }
        let coreHash = try Envelope.coreHash(header, to: to.map(\.key), salt: salt)
        let keys = ContentKeys(contentKey, salt: salt, coreHash: coreHash)
        let wraps = try to.map { try wrap(contentKey, for: $0.value, named: $0.key, coreHash: coreHash) }
        let box = try AES.GCM.seal(plaintext, using: keys.body, nonce: AES.GCM.Nonce(data: ContentKeys.nonce))
        return Envelope(
            header: header,
            sealing: .init(to: to.map(\.key), salt: salt, wraps: wraps, commit: keys.commit),
            body: Array(box.ciphertext) + Array(box.tag))
    }

    /// HPKE (RFC 9180), base mode, X-Wing, HKDF-SHA256, AES-256-GCM, all by the crypto library.
    static func wrap(
        _ contentKey: SymmetricKey, for identity: Identity, named cid: CID, coreHash: [UInt8]
    ) throws -> Envelope.Wrap {
        var sender = try HPKE.Sender(
            recipientKey: identity.publicKEM, ciphersuite: .XWingMLKEM768X25519_SHA256_AES_GCM_256,
            info: ContentKeys.wrapInfo(coreHash: coreHash, recipient: cid))
        let key = try unsafe contentKey.withUnsafeBytes { unsafe try sender.seal(Data($0)) }
        return Envelope.Wrap(enc: Array(sender.encapsulatedKey), key: Array(key))
    }

    private static func header(
        _ content: String, _ sender: CID, _ created: Int64, _ previous: SignedEnvelope?
    ) throws -> Envelope.Header {
        try DocumentRules.check(mediaType: content)
        try DocumentRules.check(time: created)
        guard sender.codec == .dagCBOR else {
            throw FormatError(.invalidArgument, "an envelope's sender is named by the CID of a document")
        }
        return Envelope.Header(
            from: sender, created: created, previous: previous?.cid,
            thread: previous?.envelope.header.thread ?? random(16), content: content)
    }

    private static func check(_ plaintext: [UInt8]) throws {
        guard plaintext.count <= Envelope.bodyLimit else {
            throw FormatError(
                .unsupported, "an envelope's body has \(Envelope.bodyLimit) bytes at most here, not \(plaintext.count)")
        }
    }

    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
