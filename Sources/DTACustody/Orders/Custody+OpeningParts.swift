import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import Glibc

/// Opening and verifying the parts of orders, which dtad-hsm does itself: the front brings signed blocks only.
extension Custody {
    /// The identities and revocations of a request. Other documents are refused.
    func knownDocuments(_ blocks: [SignedBlock]) throws -> KnownDocuments {
        var collected = CollectedDocuments()
        for block in blocks {
            let kind = collected.add(ContentBlock(hashing: block.bytes, codec: .dagCBOR))
            guard kind == .identity || kind == .revocation else {
                throw DTAError(.invalidArgument, "a document that judges an order is an identity or a revocation")
            }
        }
        if let broken = collected.broken.first {
            throw DTAError(.dataLoss, "the document \(broken.cid) is not valid: \(broken.reason)")
        }
        return collected.known
    }

    /// Reads a part, and checks that it is one of this kind.
    func readPart(_ block: SignedBlock, _ kind: OrderPartKind) throws -> SignedEnvelope {
        let signed = try translating { try SignedEnvelope(block: block.bytes) }
        guard signed.envelope.header.content == kind.contentType else {
            throw DTAError(.permissionDenied, "the envelope is not \(kind == .order ? "an" : "a") \(kind.rawValue)")
        }
        return signed
    }

    /// Checks the signature on a part.
    func verify(_ signed: SignedEnvelope, _ known: KnownDocuments) throws {
        guard let sender = known.identities[signed.envelope.header.from] else {
            throw DTAError(.failedPrecondition, "the document of the part's sender is not there")
        }
        do {
            try signed.verify(sender: sender)
        } catch {
            throw DTAError(.dataLoss, "the part is not signed by its sender: \(error)")
        }
    }

    /// The plaintext of a part that was sealed to an identity.
    func openPart(_ signed: SignedEnvelope, as recipient: RecipientKey) throws -> Secret {
        let envelope = signed.envelope
        let (wrap, coreHash) = try translating {
            do {
                return (try envelope.wrap(for: recipient.cid), try envelope.coreHash)
            } catch let error as FormatError where error.kind == .notRecipient {
                throw DTAError(.permissionDenied, "the part was not sealed to the identity that is to open it")
            }
        }
        let key = try openKey(OpenKey(recipient: recipient, coreHash: coreHash, wrap: wrap))
        return try translating { try EnvelopeOpener.open(envelope, contentKey: key) }
    }

    /// Part 1, opened and verified: it is from the principal that it names, and to the fiduciary that it names.
    func openOrder(
        _ fiduciary: RecipientKey, _ block: SignedBlock, _ documents: [SignedBlock]
    ) throws -> (cid: CID, secret: OrderSecret) {
        let known = try knownDocuments(documents)
        let signed = try readPart(block, .order)
        try verify(signed, known)
        let header = signed.envelope.header
        let plaintext = try openPart(signed, as: fiduciary)
        let order = try translating { try plaintext.withBytes { try Order($0) } }
        guard header.previous == nil else {
            throw DTAError(.permissionDenied, "an order begins its thread, and this one answers another envelope")
        }
        guard order.terms.principal == header.from else {
            throw DTAError(.permissionDenied, "the order names another principal than the one who signed it")
        }
        let judge = OrderJudge(order, cid: signed.cid, thread: header.thread, known: known)
        try objecting { try judge.check(fiduciary: fiduciary.cid) }
        return (
            signed.cid,
            OrderSecret(
                plaintext: plaintext.withBytes { Array(copying: $0) }, order: order, thread: header.thread,
                principal: header.from)
        )
    }

    /// Gives the judge's objections the code that the front gets.
    func objecting<Result: ~Copyable>(_ body: () throws -> Result) throws -> Result {
        do {
            return try translating(body)
        } catch let objection as OrderObjection {
            let code: ErrorCode =
                switch objection.code {
                case .forged: .dataLoss
                case .wrongOrder, .wrongFiduciary, .notRedeemer: .permissionDenied
                case .unknownParty, .notCurrent, .notYet, .tooLate, .approvalsMissing: .failedPrecondition
                }
            throw DTAError(code, objection.reason)
        }
    }

    /// Unix seconds.
    var now: Int64 { Int64(time(nil)) }
}
