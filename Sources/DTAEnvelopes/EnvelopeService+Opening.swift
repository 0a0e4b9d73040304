import CustodyProtocol
import DTABytes
import DTACore
import DTAFormats
import DTAIdentities
import DTALedger
import DTASystem

extension EnvelopeService {
    /// The contents of an envelope.
    package struct Opened: Sendable {
        package let cid: CID
        package let header: Envelope.Header
        package let content: Content
        /// The identity that opened it; nil: it is public.
        package let recipient: CID?
        /// Whether the sender is trusted now.
        package let trust: Trust
        /// The name of the sender's standing when the envelope came.
        package let standing: String

        package enum Content: Sendable {
            case body(SecretReference)
            /// A body of `size` bytes in blocks; the chunk key opens them; nil: they are plaintext.
            case chunks(size: Int, key: SecretReference?)
        }
    }

    /// The next step after an envelope was verified.
    package enum Opening: Sendable {
        /// It is public: nothing more is needed.
        case opened(Opened)
        /// The HSM must open its key, as this recipient.
        case sealed(CID, CustodyStep<Opened>)

        package func callAsFunction(_ custodian: any Custodian) throws -> Opened {
            switch self {
            case .opened(let opened): opened
            case .sealed(_, let step): try step(custodian)
            }
        }
    }

    /// Opens an envelope from the ledger, after verifying its bytes, its sender's document and the signature. It reads
    /// from the disk.
    /// - Parameters:
    ///   - identity: the recipient to open it as; nil: one that is the caller's, or granted. For a public envelope, any
    ///     identity as which the caller may open.
    ///   - allowUntrusted: opens it even if the sender is not trusted here, or was not current when the envelope came.
    package func open(
        _ caller: Caller, envelope subject: String, as identity: String?, allowUntrusted: Bool = false
    ) throws -> Opening {
        let cid = try LedgerService.cid(subject)
        let signed = try verified(cid)
        let envelope = signed.envelope
        // A public envelope needs no key; but a name as which the caller may not open is still an error.
        if envelope.isPublic, let identity { _ = try identities.line(caller, .open, identity) }
        let own = try envelope.isPublic ? nil : recipient(caller, signed, as: identity)
        let standing = try standingAtReceipt(signed)
        let trust = try identities.trust(envelope.header.from)
        if !allowUntrusted { try check(signed, trust, standing) }
        func opened(_ content: Opened.Content) -> Opened {
            Opened(
                cid: cid, header: envelope.header, content: content, recipient: own?.cid, trust: trust,
                standing: standing)
        }
        guard let own else {
            switch envelope.content {
            case .body(let body): return .opened(opened(.body(SecretReference(copying: body))))
            case .chunks(let chunks): return .opened(opened(.chunks(size: chunks.plan.size, key: nil)))
            }
        }
        let (wrap, coreHash) = try explaining("the envelope \(cid) cannot be opened") {
            (try envelope.wrap(for: own.cid, blocks.bytes), try envelope.coreHash)
        }
        return .sealed(own.cid) { custodian in
            let key = try custodian.ask(OpenKey(recipient: own.recipientKey, coreHash: coreHash, wrap: wrap))
            let content: Opened.Content = try explaining("the envelope \(cid) cannot be opened") {
                try key.withSecret { key in
                    guard let chunks = envelope.chunks else {
                        let body = try EnvelopeOpener.open(envelope, contentKey: key, coreHash: coreHash)
                        return .body(SecretReference(body))
                    }
                    let keys = try EnvelopeOpener.keys(envelope, contentKey: key, coreHash: coreHash)
                    return .chunks(size: chunks.plan.size, key: SecretReference(keys.chunkKey))
                }
            }
            return Opened(
                cid: cid, header: envelope.header, content: content, recipient: own.cid, trust: trust,
                standing: standing)
        }
    }

    // MARK: Verifying

    /// An envelope from the ledger with a valid signature of its sender.
    package func verified(_ cid: CID) throws -> SignedEnvelope {
        let block = try blocks.bytes(cid)
        let signed = try explaining("the block \(cid) is not an envelope") {
            try SignedEnvelope(block: block, named: cid)
        }
        let from = signed.envelope.header.from
        let sender: SignedIdentity
        do {
            sender = try blocks.document(from)
        } catch let error as DTAError where error.code == .notFound {
            throw DTAError(
                .failedPrecondition, "the envelope \(cid) is from identity \(from), which is not known here",
                helps: .importIdentity)
        }
        try explaining("the envelope \(cid) is not from \(identities.display(from))") {
            try signed.verify(sender: sender)
        }
        return signed
    }

    /// The sender's standing when a verified envelope came. If it was not known then, it is judged now, for good.
    package func standingAtReceipt(_ signed: SignedEnvelope) throws -> String {
        if let known = try received.standing(signed.cid) { return known }
        return try blocks.store.write { database in
            let standing = try identities.standing(signed.envelope.header.from, in: database)?.name
            try ReceivedEnvelopes.insert(
                signed, standing: standing, received: unixMicroseconds() / 1_000_000, in: database)
            // Another request may have judged it meanwhile; then its verdict counts.
            return try ReceivedEnvelopes.standing(signed.cid, in: database) ?? ReceivedEnvelope.unknownStanding
        }
    }

    /// Verifies an envelope as it comes, if its sender's document is here.
    /// - Returns: a function that judges the sender's standing in the transaction that stores the envelope: so no
    ///   revocation comes in between. It answers nil if the standing cannot be judged yet.
    /// - Throws: if the sender did not sign the envelope.
    package func judge(coming signed: SignedEnvelope) throws -> LedgerService.StandingJudge {
        let sender: SignedIdentity
        do {
            sender = try blocks.document(signed.envelope.header.from)
        } catch let error as DTAError where error.code == .notFound {
            return { _ in nil }
        }
        try explaining("the envelope \(signed.cid) is not from \(identities.display(sender.cid))") {
            try signed.verify(sender: sender)
        }
        return { [identities] in try identities.standing(sender.cid, in: $0)?.name }
    }

    private func check(_ signed: SignedEnvelope, _ trust: Trust, _ standing: String) throws {
        let from = identities.display(signed.envelope.header.from)
        switch trust {
        case .trusted: break
        case .untrusted:
            throw DTAError(
                .failedPrecondition,
                "the envelope \(signed.cid) is rightly signed by \(from), but this host does not trust that identity",
                helps: .trust, .allowUntrusted)
        case .distrusted:
            throw DTAError(
                .failedPrecondition,
                "the envelope \(signed.cid) is from \(from), from which this host took its trust away",
                helps: .allowUntrusted)
        }
        guard standing == Standing.current.name else {
            throw DTAError(
                .failedPrecondition,
                "the envelope \(signed.cid) is from \(from), which was known here as \(standing) already when it came",
                helps: .askSender, .allowUntrusted)
        }
    }

    // MARK: The recipient

    private func recipient(_ caller: Caller, _ signed: SignedEnvelope, as subject: String?) throws -> IdentityRecord {
        let to = try explaining("the envelope \(signed.cid) cannot be opened") {
            try signed.envelope.recipients(blocks.bytes)
        }
        if let subject { return try named(caller, subject, signed.cid, to) }
        let here = to.compactMap(identities.own).filter { identities.allows(caller, .open, $0) }
        // The caller's own identity comes before granted ones.
        guard let own = here.first(where: { $0.owner.isSame(as: caller) }) ?? here.first else {
            throw DTAError(
                .permissionDenied,
                "user \(caller.display) may not open the envelope \(signed.cid): \(recipients(to)), and none of "
                    + "them is this user's",
                hint: "an administrator can grant open on a recipient under grants: in dtad.yaml")
        }
        return own
    }

    private func named(_ caller: Caller, _ subject: String, _ cid: CID, _ to: [CID]) throws -> IdentityRecord {
        let line = try identities.line(caller, .open, subject)
        guard let recipient = line.first(where: { to.contains($0.cid) }) else {
            let asked = line.first.map { identities.display($0.cid) } ?? quoted(subject)
            throw DTAError(.permissionDenied, "the envelope \(cid) is not to identity \(asked): \(recipients(to))")
        }
        return recipient
    }

    private func recipients(_ to: [CID]) -> String {
        let shown = to.prefix(8).map(identities.display).joined(separator: ", ")
        let more = to.count > 8 ? " and \(to.count - 8) others" : ""
        return to.count == 1 ? "its recipient is \(shown)" : "its recipients are \(shown)\(more)"
    }
}
