import Crypto

/// A message: sealed once for all recipients, or public. It has force only inside a `SignedEnvelope`.
public struct Envelope: Hashable, Sendable {
    public static let type = "dta/envelope/1"
    /// The largest plaintext of an inline body.
    public static let bodyLimit = 256 << 10
    /// The most recipients that an envelope lists by itself.
    public static let recipientLimit = 256
    /// AES-GCM's tag.
    static let tagSize = 16

    /// The content key, wrapped for one recipient by HPKE.
    public struct Wrap: Hashable, Sendable {
        // X-Wing's ciphertext: ML-KEM-768 (1088) ‖ X25519 (32).
        public static let encSize = 1120
        public static let keySize = 32 + tagSize

        /// 1120 bytes.
        public let enc: [UInt8]
        /// 48 bytes.
        public let key: [UInt8]
    }

    /// What a sealed envelope has and a public one has not.
    public struct Sealing: Hashable, Sendable {
        /// The recipients' identities, in the order of their bytes, each once.
        public let to: [CID]
        /// 32 bytes, fresh for every attempt to seal.
        public let salt: [UInt8]
        /// In the order of `to`.
        public let wraps: [Wrap]
        /// 32 bytes that only one content key fits.
        public let commit: [UInt8]
    }

    /// What every envelope says before its content.
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

    public let header: Header
    /// `nil`: the envelope is public, its body plaintext.
    public let sealing: Sealing?
    /// Ciphertext and tag, or the plaintext of a public envelope.
    public let body: [UInt8]

    /// The recipients; none for a public envelope.
    public var to: [CID] { sealing?.to ?? [] }

    /// The wrap for one recipient.
    /// - Throws: `FormatError.notRecipient`.
    public func wrap(for recipient: CID) throws -> Wrap {
        guard let sealing, let index = sealing.to.firstIndex(of: recipient) else {
            throw FormatError(.notRecipient, "this envelope is not sealed to the identity \(recipient)")
        }
        return sealing.wraps[index]
    }

    /// `hc` of the specification, to which every wrap and key is bound: 32 bytes.
    public var coreHash: [UInt8] {
        get throws { try Envelope.coreHash(header, to: sealing?.to, salt: sealing?.salt) }
    }

    /// SHA-256 of the envelope's DAG-CBOR without signatures: what is signed, under `SignedBytes.envelope`, and by which
    /// two envelopes are the same.
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
        var map = Envelope.core(header, to: sealing?.to, salt: sealing?.salt)
        if let sealing {
            map["wraps"] = .list(sealing.wraps.map { .map(["enc": .bytes($0.enc), "key": .bytes($0.key)]) })
            map["commit"] = .bytes(sealing.commit)
        }
        map["body"] = .bytes(body)
        return .map(map)
    }
}
