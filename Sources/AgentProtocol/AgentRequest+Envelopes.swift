import FoundationEssentials

/// Requests about envelopes.
extension AgentRequest {
    /// The sender and the recipients of an envelope, and its kind of content.
    public struct EnvelopeAddress: Sendable {
        /// The sender's name or CID.
        public var from: String
        /// Names or CIDs of the recipients, up to 1,000. With none the envelope is public.
        public var to: [String]
        /// The media type of the plaintext; "" means application/octet-stream.
        public var contentType: String
        /// The CID of the envelope that this one answers; "" means none.
        public var replyTo: String

        public init(from: String, to: [String], contentType: String = "", replyTo: String = "") {
            self.from = from
            self.to = to
            self.contentType = contentType
            self.replyTo = replyTo
        }
    }

    /// Seals an envelope.
    /// - Parameter from: the sender's name or CID.
    /// - Parameter to: names or CIDs of the recipients, at least one.
    /// - Parameter plaintext: up to 256 KiB.
    /// - Parameter contentType: its media type; "" means application/octet-stream.
    public static func sealEnvelope(
        from: String, to: [String], plaintext: some Sequence<UInt8>, contentType: String = ""
    ) -> AgentRequest {
        var request = AgentRequest(.envelopeSeal, subject: from, data: plaintext)
        request.identities = to
        request.contentType = contentType
        return request
    }

    /// Seals an envelope, or publishes one if the address has no recipients.
    /// - Parameter address: its sender and its recipients.
    /// - Parameter plaintext: up to 256 KiB. ``draftEnvelope(_:)`` is for more.
    public static func sealEnvelope(_ address: EnvelopeAddress, plaintext: some Sequence<UInt8>) -> AgentRequest {
        var request = AgentRequest(.envelopeSeal, data: plaintext)
        request.set(address)
        return request
    }

    /// Begins an envelope of any size. The answer's `cursor` is the draft, its ``AgentResponse/key`` is for the chunks.
    public static func draftEnvelope(_ address: EnvelopeAddress) -> AgentRequest {
        var request = AgentRequest(.envelopeDraft)
        request.set(address)
        return request
    }

    /// Sends one block of a body.
    /// - Parameter draft: what ``draftEnvelope(_:)`` answered.
    /// - Parameter index: the block's index in the body, from 0.
    /// - Parameter block: 15 sealed chunks, in the last block fewer; of a public envelope 983,040 bytes of plaintext.
    public static func envelopeChunk(draft: String, index: Int, block: Data) -> AgentRequest {
        var request = AgentRequest(.envelopeChunk, subject: draft)
        request.count = UInt32(clamping: index)
        request.data = block
        return request
    }

    /// Ends a draft: the agent signs and stores the envelope, and answers its CID.
    /// - Parameter draft: what ``draftEnvelope(_:)`` answered.
    /// - Parameter blocks: how many blocks the body has.
    public static func finishEnvelope(draft: String, blocks: Int) -> AgentRequest {
        var request = AgentRequest(.envelopeFinish, subject: draft)
        request.count = UInt32(clamping: blocks)
        return request
    }

    /// Gives a draft up.
    /// - Parameter draft: what ``draftEnvelope(_:)`` answered.
    public static func abandonEnvelope(draft: String) -> AgentRequest {
        AgentRequest(.envelopeAbandon, subject: draft)
    }

    /// Verifies an envelope and opens it. For a body in chunks the answer has only ``AgentResponse/size`` and
    /// ``AgentResponse/key``.
    /// - Parameter cid: the envelope's.
    /// - Parameter identity: the recipient as which to open, a name or CID; nil: the caller's identity that fits.
    /// - Parameter allowUntrusted: open it although its sender is not trusted.
    public static func openEnvelope(
        _ cid: String, as identity: String? = nil, allowUntrusted: Bool = false
    ) -> AgentRequest {
        var request = AgentRequest(.envelopeOpen, subject: cid)
        if let identity { request.identities = [identity] }
        request.allowUntrusted = allowUntrusted
        return request
    }

    /// Lists the envelopes of a thread that the agent knows.
    /// - Parameter cid: that of one of them.
    /// - Parameter count: rows, at most 1,000; 0 means 100.
    /// - Parameter cursor: that of the answer before; "" at the start.
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
