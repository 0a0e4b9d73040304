/// How much of an envelope is verified.
public enum EnvelopeScope: Sendable {
    /// Also its lists, the documents of its recipients, and the blocks of its body.
    case everything
    /// Only what its sender signed: the block itself, and that it answers one of its own thread.
    case signature
}

/// Verifies envelopes without an agent: by the blocks of a source, and public keys. A missing block is never bad.
public struct EnvelopeVerifier<Source: BlockSource> {
    private let source: Source
    private let known: KnownDocuments
    private let scope: EnvelopeScope
    /// Documents that were read before: a thread has few parties and many envelopes.
    private var documents: [CID: SignedIdentity]

    /// - Parameter source: has the blocks.
    /// - Parameter known: identities and revocations by which senders are judged. Others are looked for in the source.
    /// - Parameter scope: how much of an envelope is verified.
    public init(
        _ source: Source, known: KnownDocuments = KnownDocuments([]), scope: EnvelopeScope = .everything
    ) {
        self.source = source
        self.scope = scope
        self.known = known
        documents = known.identities
    }

    private struct NotThere: Error { let cid: CID }

    /// Verifies one envelope: its form; its sender's document, signature and standing; that the one which it answers is
    /// of its thread; its lists of recipients and wraps, and each recipient's document; its body's blocks, how many
    /// they are and how long. Blocks of a body are not hashed here: a source that answers their sizes has done that.
    /// - Throws: what the source throws.
    public mutating func verify(_ cid: CID) throws -> EnvelopeFinding {
        var finding = EnvelopeFinding(cid)
        try check(.envelope, &finding) { verifier, finding in
            finding.signed = try SignedEnvelope(block: verifier.block(cid), named: cid)
        }
        guard let signed = finding.signed else { return finding }
        try checkSender(signed, &finding)
        try checkPrevious(signed, &finding)
        if scope == .everything {
            try checkRecipients(signed, &finding)
            try checkBody(signed, &finding)
        }
        return finding
    }

    /// Notes what a check found wrong or missing.
    private mutating func check(
        _ part: EnvelopeFinding.Missing.Part, _ finding: inout EnvelopeFinding,
        _ body: (inout EnvelopeVerifier, inout EnvelopeFinding) throws -> Void
    ) throws {
        do {
            try body(&self, &finding)
        } catch let error as FormatError {
            finding.problems.append(error.reason)
        } catch let error as NotThere {
            finding.note(EnvelopeFinding.Missing(part: part, cid: error.cid))
        }
    }

    private func block(_ cid: CID) throws -> [UInt8] {
        guard let bytes = try source.block(cid) else { throw NotThere(cid: cid) }
        return bytes
    }

    private mutating func identity(_ cid: CID, _ whose: String) throws -> SignedIdentity {
        if let document = documents[cid] { return document }
        let bytes = try block(cid)
        do {
            let document = try SignedIdentity(block: bytes, named: cid)
            documents[cid] = document
            return document
        } catch let error as FormatError {
            throw FormatError(error.kind, "\(whose) document \(cid) is not valid: \(error.reason)")
        }
    }

    private mutating func checkSender(_ signed: SignedEnvelope, _ finding: inout EnvelopeFinding) throws {
        let from = signed.envelope.header.from
        try check(.sender, &finding) { verifier, finding in
            finding.sender = try verifier.identity(from, "the sender's")
        }
        guard let sender = finding.sender else { return }
        finding.signature = .invalid
        try check(.sender, &finding) { verifier, finding in
            try signed.verify(sender: sender)
            finding.signature = .valid
            if verifier.known.identities[from] != nil {
                finding.standing = try IdentityJudge(verifier.known).standing(of: from)
            }
        }
    }

    private mutating func checkPrevious(_ signed: SignedEnvelope, _ finding: inout EnvelopeFinding) throws {
        guard let previous = signed.envelope.header.previous else { return }
        try check(.previous, &finding) { verifier, _ in
            let bytes = try verifier.block(previous)
            let answered: SignedEnvelope
            do {
                answered = try SignedEnvelope(block: bytes, named: previous)
            } catch let error as FormatError {
                throw FormatError(error.kind, "what it answers, \(previous), is no valid envelope: \(error.reason)")
            }
            guard answered.envelope.header.thread == signed.envelope.header.thread else {
                throw FormatError(.mismatch, "it answers \(previous), which is of another thread")
            }
        }
    }

    private mutating func checkRecipients(_ signed: SignedEnvelope, _ finding: inout EnvelopeFinding) throws {
        let envelope = signed.envelope
        try check(.list, &finding) { verifier, finding in
            finding.recipients = try envelope.recipients(verifier.block)
        }
        try check(.list, &finding) { verifier, _ in _ = try envelope.wraps(verifier.block) }
        for recipient in finding.recipients {
            try check(.recipient, &finding) { verifier, finding in
                finding.recipientDocuments[recipient] = try verifier.identity(recipient, "a recipient's")
            }
        }
    }

    private mutating func checkBody(_ signed: SignedEnvelope, _ finding: inout EnvelopeFinding) throws {
        guard let chunks = signed.envelope.chunks else { return }
        var blocks: [CID] = []
        try check(.list, &finding) { verifier, _ in blocks = try chunks.links(verifier.block) }
        // The first that does not fit is enough.
        try check(.chunk, &finding) { verifier, finding in
            for (index, cid) in blocks.enumerated() {
                guard let size = try verifier.source.size(of: cid) else {
                    finding.note(.init(part: .chunk, cid: cid))
                    continue
                }
                try chunks.plan.check(block: index, count: size)
            }
        }
    }
}
