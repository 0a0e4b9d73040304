import Crypto

/// A message: sealed once for all recipients, or public. It counts only inside a `SignedEnvelope`.
public struct Envelope: Hashable, Sendable {
    public static let type = "dta/envelope/1"
    /// The largest plaintext of an inline body.
    public static let bodyLimit = 256 << 10
    /// The most recipients that an envelope lists by itself; more are listed in blocks of as many.
    public static let listedRecipients = 256
    /// The most recipients at all.
    public static let recipientLimit = 1000
    /// AES-GCM's tag.
    public static let tagSize = 16

    /// The content key, wrapped for one recipient by HPKE.
    public struct Wrap: Hashable, Sendable {
        // X-Wing's ciphertext: ML-KEM-768 (1088) ‖ X25519 (32).
        public static let encSize = 1120
        public static let keySize = 32 + tagSize

        /// 1120 bytes.
        public let enc: [UInt8]
        /// 48 bytes.
        public let key: [UInt8]

        /// - Throws: `FormatError.invalidArgument` for bytes of other lengths.
        public init(enc: [UInt8], key: [UInt8]) throws {
            guard enc.count == Self.encSize, key.count == Self.keySize else {
                throw FormatError(.invalidArgument, "a wrap has \(Self.encSize) and \(Self.keySize) bytes")
            }
            self.enc = enc
            self.key = key
        }
    }

    /// The identities that can open a sealed envelope, and their wraps.
    public enum Recipients: Hashable, Sendable {
        /// The recipients' identities, in the order of their bytes, each once, and the wraps in the same order.
        case listed(to: [CID], wraps: [Wrap])
        /// Links to blocks of 256 identities and of 256 wraps, all but the last full, in that order.
        case paged(to: [CID], wraps: [CID])

        /// The links of the field `to`: identities, or blocks of them.
        var links: [CID] {
            switch self {
            case .listed(let to, _), .paged(let to, _): to
            }
        }
    }

    /// The fields that a sealed envelope has and a public one has not.
    public struct Sealing: Hashable, Sendable {
        public let recipients: Recipients
        /// 32 bytes, fresh for every attempt to seal.
        public let salt: [UInt8]
        /// 32 bytes that only one content key fits.
        public let commit: [UInt8]
    }

    /// The fields of every envelope before its content.
    public struct Header: Hashable, Sendable {
        /// The sender's identity.
        public let from: CID
        /// Unix seconds, the sender's clock.
        public let created: Int64
        /// The envelope that this one answers or continues.
        public let previous: CID?
        /// 16 bytes, the same along a chain.
        public let thread: [UInt8]
        /// The media type of the plaintext.
        public let content: String
    }

    /// The place of the body.
    public enum Content: Hashable, Sendable {
        /// In the envelope: ciphertext and tag, or the plaintext of a public one.
        case body([UInt8])
        /// In blocks of its own.
        case chunks(Chunks)
    }

    public let header: Header
    /// `nil`: the envelope is public, its body plaintext.
    public let sealing: Sealing?
    public let content: Content

    public var isPublic: Bool { sealing == nil }

    /// The inline body, as it is in the envelope; nil if the body is in chunks.
    public var body: [UInt8]? {
        if case .body(let bytes) = content { bytes } else { nil }
    }

    /// The blocks of the body; nil if it is inline.
    public var chunks: Chunks? {
        if case .chunks(let chunks) = content { chunks } else { nil }
    }

    /// Bytes of plaintext.
    public var contentSize: Int {
        switch content {
        case .body(let bytes): isPublic ? bytes.count : max(0, bytes.count - Envelope.tagSize)
        case .chunks(let chunks): chunks.plan.size
        }
    }

    /// `hc` of the specification, to which every wrap and key is bound: 32 bytes.
    public var coreHash: [UInt8] {
        get throws { try Envelope.coreHash(header, to: sealing?.recipients.links, salt: sealing?.salt) }
    }

    /// SHA-256 of the envelope's DAG-CBOR without signatures: what is signed, under `SignedBytes.envelope`, and by
    /// which two envelopes are the same.
    public var innerHash: [UInt8] {
        get throws { Array(SHA256.hash(data: try DAGCBOR.encode(value))) }
    }

    static func core(_ header: Header, to: [CID]?, salt: [UInt8]?) -> DAGCBOR.Map {
        var map: DAGCBOR.Map = [
            "type": .text(type), "from": .link(header.from), "created": .integer(header.created),
            "thread": .bytes(header.thread), "content": .text(header.content),
        ]
        map["previous"] = header.previous.map { .link($0) }
        map["to"] = to.map { .list($0.map { .link($0) }) }
        map["salt"] = salt.map { .bytes($0) }
        return map
    }

    static func coreHash(_ header: Header, to: [CID]?, salt: [UInt8]?) throws -> [UInt8] {
        let core = try DAGCBOR.encode(.map(core(header, to: to, salt: salt)))
        return Array(SHA256.hash(data: SignedBytes.labelled("dta/envelope/1 core", core)))
    }

    var value: DAGCBOR.Value {
        var map = Envelope.core(header, to: sealing?.recipients.links, salt: sealing?.salt)
        if let sealing {
            switch sealing.recipients {
            case .listed(_, let wraps): map["wraps"] = .list(wraps.map(\.value))
            case .paged(_, let wraps): map["wraps"] = .list(wraps.map { .link($0) })
            }
            map["commit"] = .bytes(sealing.commit)
        }
        switch content {
        case .body(let bytes): map["body"] = .bytes(bytes)
        case .chunks(let chunks): map["chunks"] = chunks.value
        }
        return .map(map)
    }
}

extension Envelope.Wrap {
    var value: DAGCBOR.Value { .map(["enc": .bytes(enc), "key": .bytes(key)]) }

    init(_ value: DAGCBOR.Value) throws {
        var reader = try DocumentReader(value, "a wrap of an envelope")
        let enc = try reader.bytes("enc", count: Self.encSize)
        let key = try reader.bytes("key", count: Self.keySize)
        try reader.finish()
        try self.init(enc: enc, key: key)
    }
}
