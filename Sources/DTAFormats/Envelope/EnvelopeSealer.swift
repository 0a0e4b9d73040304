import Crypto
import DTABytes
import FoundationEssentials

/// Makes envelopes, for a `SignedEnvelope` to be signed. Every call uses a fresh content key, salt and encapsulation: a
/// seal that failed is started again, never resumed.
public enum EnvelopeSealer {
    /// Begins an envelope to recipients.
    /// - Parameter content: the media type of its body.
    /// - Parameter sender: the CID of the identity that will sign it.
    /// - Parameter recipients: 1 to 1,000, in any order; each counts once.
    /// - Parameter created: Unix seconds.
    /// - Parameter previous: the envelope that this one answers, and whose thread it continues; nil: a new thread
    ///   begins.
    /// - Returns: the keys seal one body, and are dropped with it.
    /// - Throws: `FormatError` for no recipients or more than 1,000.
    public static func begin(
        content: String, from sender: CID, to recipients: [SignedIdentity], created: Int64,
        answering previous: SignedEnvelope? = nil
    ) throws -> (draft: EnvelopeDraft, keys: ContentKeys) {
        try begin(
            header(content, sender, created, previous), to: recipients, salt: random(32),
            contentKey: SymmetricKey(size: .bits256))
    }

    /// Begins a public envelope, which only its signature protects.
    /// - Parameter content: the media type of its body.
    /// - Parameter sender: the CID of the identity that will sign it.
    /// - Parameter created: Unix seconds.
    /// - Parameter previous: the envelope that this one answers, and whose thread it continues; nil: a new thread
    ///   begins.
    public static func beginPublic(
        content: String, from sender: CID, created: Int64, answering previous: SignedEnvelope? = nil
    ) throws -> EnvelopeDraft {
        EnvelopeDraft(header: try header(content, sender, created, previous), sealing: nil, pages: [])
    }

    /// Seals an envelope that is one block.
    /// - Parameter plaintext: up to 256 KiB.
    /// - Parameter content: the media type of its body.
    /// - Parameter sender: the CID of the identity that will sign it.
    /// - Parameter recipients: 1 to 256, in any order; each counts once.
    /// - Parameter created: Unix seconds.
    /// - Parameter previous: the envelope that this one answers, and whose thread it continues; nil: a new thread
    ///   begins.
    public static func seal(
        _ plaintext: [UInt8], content: String, from sender: CID, to recipients: [SignedIdentity], created: Int64,
        answering previous: SignedEnvelope? = nil
    ) throws -> Envelope {
        try seal(
            plaintext.span, content: content, from: sender, to: recipients, created: created, answering: previous)
    }

    /// The same of a plaintext that is lent, such as a secret.
    public static func seal(
        _ plaintext: Span<UInt8>, content: String, from sender: CID, to recipients: [SignedIdentity], created: Int64,
        answering previous: SignedEnvelope? = nil
    ) throws -> Envelope {
        try seal(
            plaintext, header: header(content, sender, created, previous), to: recipients, salt: random(32),
            contentKey: SymmetricKey(size: .bits256))
    }

    /// Makes a public envelope of one block.
    /// - Parameter plaintext: up to 256 KiB.
    /// - Parameter content: the media type of its body.
    /// - Parameter sender: the CID of the identity that will sign it.
    /// - Parameter created: Unix seconds.
    /// - Parameter previous: the envelope that this one answers, and whose thread it continues; nil: a new thread
    ///   begins.
    public static func publish(
        _ plaintext: [UInt8], content: String, from sender: CID, created: Int64,
        answering previous: SignedEnvelope? = nil
    ) throws -> Envelope {
        try beginPublic(content: content, from: sender, created: created, answering: previous)
            .finish(plaintext, keys: nil).envelope
    }

    // Internal, because a salt and a key that are used twice would give two plaintexts under one key and nonce.
    static func seal(
        _ plaintext: Span<UInt8>, header: Envelope.Header, to recipients: [SignedIdentity], salt: [UInt8],
        contentKey: SymmetricKey
    ) throws -> Envelope {
        let (draft, keys) = try begin(header, to: recipients, salt: salt, contentKey: contentKey)
        let parts = try draft.finish(plaintext, keys: keys)
        guard parts.blocks.isEmpty else {
            throw FormatError(
                .invalidArgument,
                "an envelope of one block has \(Envelope.listedRecipients) recipients at most, not \(recipients.count)")
        }
        return parts.envelope
    }

    static func begin(
        _ header: Envelope.Header, to recipients: [SignedIdentity], salt: [UInt8], contentKey: SymmetricKey
    ) throws -> (draft: EnvelopeDraft, keys: ContentKeys) {
        let identities = Dictionary(recipients.map { ($0.cid, $0.identity) }, uniquingKeysWith: { first, _ in first })
        let sorted = identities.sorted { $0.key < $1.key }
        guard !sorted.isEmpty else { throw FormatError(.invalidArgument, "sealing needs one recipient at least") }
        guard sorted.count <= Envelope.recipientLimit else { throw Envelope.Recipients.tooMany }
        let to = sorted.map(\.key)
        let toPages = try to.count > Envelope.listedRecipients ? pages(to.map { .link($0) }) : []
        let coreHash = try Envelope.coreHash(header, to: toPages.isEmpty ? to : toPages.map(\.cid), salt: salt)
        let keys = ContentKeys(contentKey, salt: salt, coreHash: coreHash)
        let wraps = try Parallel.map(sorted, atLeast: recipientsPerThread) {
            try wrap(contentKey, for: $0.value, named: $0.key, coreHash: coreHash)
        }
        let wrapPages = try toPages.isEmpty ? [] : pages(wraps.map(\.value))
        let sealing = Envelope.Sealing(
            recipients: toPages.isEmpty
                ? .listed(to: to, wraps: wraps) : .paged(to: toPages.map(\.cid), wraps: wrapPages.map(\.cid)),
            salt: salt, commit: keys.commit)
        return (EnvelopeDraft(header: header, sealing: sealing, pages: toPages + wrapPages), keys)
    }

    /// Fewer wraps than this are made sooner than a thread wakes.
    private static let recipientsPerThread = 4

    private static func pages(_ items: [DAGCBOR.Value]) throws -> [ContentBlock] {
        try ListPages.cut(items, perPage: Envelope.listedRecipients)
    }

    /// HPKE (RFC 9180), base mode, X-Wing, HKDF-SHA256, AES-256-GCM, all by the crypto library.
    static func wrap(
        _ contentKey: SymmetricKey, for identity: Identity, named cid: CID, coreHash: [UInt8]
    ) throws -> Envelope.Wrap {
        var sender = try HPKE.Sender(
            recipientKey: identity.publicKEM, ciphersuite: .XWingMLKEM768X25519_SHA256_AES_GCM_256,
            info: ContentKeys.wrapInfo(coreHash: coreHash, recipient: cid))
        let key = try unsafe contentKey.withUnsafeBytes { unsafe try sender.seal(Data($0)) }
        return try Envelope.Wrap(enc: Array(sender.encapsulatedKey), key: Array(key))
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

    private static func random(_ count: Int) -> [UInt8] {
        // The crypto library's generator asks the kernel once, not once for each byte.
        unsafe SymmetricKey(size: SymmetricKeySize(bitCount: 8 * count)).withUnsafeBytes { unsafe Array($0) }
    }
}
