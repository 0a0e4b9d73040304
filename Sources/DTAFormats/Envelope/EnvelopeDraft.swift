import DTABytes

/// An envelope without its body: wrapped for its recipients, or public. It holds no secret.
public struct EnvelopeDraft: Sendable {
    public let header: Envelope.Header
    let sealing: Envelope.Sealing?
    /// The blocks that list recipients and wraps.
    let pages: [ContentBlock]

    public var isPublic: Bool { sealing == nil }

    /// The envelope with its body inside.
    /// - Parameter plaintext: up to 256 KiB.
    /// - Parameter keys: those that came with the draft; nil if it is public.
    /// - Throws: `FormatError` for a plaintext of more than 256 KiB.
    public func finish(_ plaintext: [UInt8], keys: ContentKeys?) throws -> EnvelopeParts {
        try finish(plaintext.span, keys: keys)
    }

    func finish(_ plaintext: Span<UInt8>, keys: ContentKeys?) throws -> EnvelopeParts {
        guard plaintext.count <= Envelope.bodyLimit else {
            throw FormatError(
                .invalidArgument,
                "an envelope's own body has \(Envelope.bodyLimit) bytes at most, not \(plaintext.count): more goes in "
                    + "chunks")
        }
        guard (keys == nil) == isPublic else {
            throw FormatError(.invalidArgument, "a sealed envelope has keys, a public one none")
        }
        let body = try keys?.seal(plaintext) ?? Array(copying: plaintext)
        return EnvelopeParts(envelope: Envelope(header: header, sealing: sealing, content: .body(body)), blocks: pages)
    }

    /// The envelope of a body whose blocks are made already.
    /// - Parameter plan: that of the body's size.
    /// - Parameter blocks: their CIDs, in order.
    /// - Throws: `FormatError` if there are not as many blocks as the size calls for.
    public func finish(_ plan: ChunkPlan, blocks: [CID]) throws -> EnvelopeParts {
        guard plan.isSealed != isPublic else {
            throw FormatError(.invalidArgument, "the chunks of a public envelope are plaintext, of a sealed one sealed")
        }
        let (chunks, lists) = try Chunks.make(plan, blocks: blocks)
        return EnvelopeParts(
            envelope: Envelope(header: header, sealing: sealing, content: .chunks(chunks)), blocks: pages + lists)
    }
}

/// An envelope to be signed, and the blocks of the lists that do not fit into it. They are stored with it.
public struct EnvelopeParts: Sendable {
    public let envelope: Envelope
    public let blocks: [ContentBlock]
}
