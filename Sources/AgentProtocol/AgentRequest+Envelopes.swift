import FoundationEssentials

/// Builders of the operations on envelopes.
extension AgentRequest {
    /// From whom an envelope is to be, to whom, and what it is.
    public struct EnvelopeAddress: Sendable {
        /// The sender's name or CID.
        public var from: String
        /// Names or CIDs of the recipients, up to 1,000; none: the envelope is public.
        public var to: [String]
        /// The media type of the plaintext; application/octet-stream where "".
        public var contentType: String
        /// The CID of the envelope that it answers; none where "".
        public var replyTo: String

        public init(from: String, to: [String], contentType: String = "", replyTo: String = "") {
            self.from = from
            self.to = to
            self.contentType = contentType
            self.replyTo = replyTo
        }
    }

    /// - Parameters:
    ///   - from: the sender's name or CID.
    ///   - to: names or CIDs of the recipients, at least one.
    ///   - plaintext: up to 256 KiB.
    ///   - contentType: its media type; application/octet-stream where "".
    public static func sealEnvelope(
        from: String, to: [String], plaintext: some Sequence<UInt8>, contentType: String = ""
    ) -> AgentRequest {
        var request = AgentRequest(.envelopeSeal, subject: from, data: plaintext)
        request.identities = to
        request.contentType = contentType
        return request
    }

    /// Seals or, where the address has no recipients, publishes.
    /// - Parameter plaintext: up to 256 KiB.
    public static func sealEnvelope(_ address: EnvelopeAddress, plaintext: some Sequence<UInt8>) -> AgentRequest {
        var request = AgentRequest(.envelopeSeal, data: plaintext)
        request.set(address)
        return request
    }

    /// Begins an envelope of any size. The answer's `cursor` is the draft, its `key` is for the chunks.
    public static func draftEnvelope(_ address: EnvelopeAddress) -> AgentRequest {
        var request = AgentRequest(.envelopeDraft)
        request.set(address)
        return request
    }

    /// - Parameters:
    ///   - index: where in the body the block stands, from 0.
    ///   - block: 15 sealed chunks, in the last block fewer; of a public envelope 983,040 bytes of plaintext.
    public static func envelopeChunk(draft: String, index: Int, block: Data) -> AgentRequest {
        var request = AgentRequest(.envelopeChunk, subject: draft)
        request.count = UInt32(clamping: index)
        request.data = block
        return request
    }

    /// - Parameter blocks: how many blocks the body has.
    public static func finishEnvelope(draft: String, blocks: Int) -> AgentRequest {
        var request = AgentRequest(.envelopeFinish, subject: draft)
        request.count = UInt32(clamping: blocks)
        return request
    }

    public static func abandonEnvelope(draft: String) -> AgentRequest {
        AgentRequest(.envelopeAbandon, subject: draft)
    }

    /// - Parameters:
    ///   - identity: the recipient to open as, a name or CID; whichever of the caller's fits where nil.
    ///   - allowUntrusted: also where the sender is not trusted.
    public static func openEnvelope(
        _ cid: String, as identity: String? = nil, allowUntrusted: Bool = false
    ) -> AgentRequest {
        var request = AgentRequest(.envelopeOpen, subject: cid)
        if let identity { request.identities = [identity] }
        request.allowUntrusted = allowUntrusted
        return request
    }

    /// The envelopes of a thread that are known to the agent.
    /// - Parameter cid: of one of them.
    public static func envelopeThread(_ cid: String, count: UInt32 = 0, cursor: String = "") -> AgentRequest {
        var request = AgentRequest(.envelopeThread, subject: cid)
        request.count = count
        request.cursor = cursor
        return request
    }

    private mutating func set(_ address: EnvelopeAddress) {
        subject = address.from
        identities = address.to
        `public` = address.to.isEmpty
        contentType = address.contentType
        replyTo = address.replyTo
    }
}
