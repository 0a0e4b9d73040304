import Crypto

@testable import DTAFormats

/// An order with everybody in it, whose keys the test holds.
struct OrderStage {
    typealias Party = (person: Person, document: SignedIdentity)

    var fiduciary = try! Person.with()
    var principal = try! Person.with()
    var beneficiary = try! Person.with()
    var approvers: [Party] = (0..<3).map { _ in try! Person.with() }
    let order: Order
    let part1: SignedEnvelope
    let part2: SignedEnvelope
    static let now: Int64 = 1_760_001_000

    /// - Parameter terms: makes the terms from the stage's people.
    init(
        kind: String = OrderKind.secret, fields: OrderFields = .none, approvals: Int = 0,
        requesterMayApprove: Bool = false,
        beneficiaryApproves: Bool = false, notBefore: Int64? = nil, notAfter: Int64? = nil, maxUses: Int = 1
    ) throws {
        if beneficiaryApproves { approvers[0] = beneficiary }
        let terms = try OrderTerms(
            fiduciary: fiduciary.document.cid, principal: principal.document.cid, beneficiary: beneficiary.document.cid,
            redeemers: [beneficiary.document.cid], recipient: beneficiary.document.cid,
            approvers: approvals == 0 ? [] : approvers.map(\.document.cid), approvals: approvals,
            requesterMayApprove: requesterMayApprove, notBefore: notBefore, notAfter: notAfter, maxUses: maxUses)
        order = try Order(kind: kind, terms: terms, fields: fields)
        part1 = try OrderStage.envelope(
            .order, order.encoded(), from: principal, to: [fiduciary.document, principal.document])
        let commitment = try OrderCommitment(
            order: part1.cid, kind: kind, terms: terms, publicKey: [2, 1], proof: [], fields: .none)
        part2 = try OrderStage.envelope(
            .commitment, commitment.encoded(), from: fiduciary, to: [principal.document, beneficiary.document],
            answering: part1)
    }

    static func envelope(
        _ kind: OrderPartKind, _ plaintext: [UInt8], from sender: Party, to recipients: [SignedIdentity],
        answering previous: SignedEnvelope? = nil
    ) throws -> SignedEnvelope {
        let envelope = try EnvelopeSealer.seal(
            plaintext, content: kind.contentType, from: sender.document.cid, to: recipients, created: now,
            answering: previous)
        return try SignedEnvelope(signing: envelope, sender: sender.document, with: sender.person.sign)
    }

    var everybody: [SignedIdentity] {
        [fiduciary, principal, beneficiary].map(\.document) + approvers.map(\.document)
    }

    func judge(_ more: [SignedIdentity] = [], without: [CID] = [], revocations: [SignedRevocation] = []) -> OrderJudge {
        let documents = (everybody + more).filter { !without.contains($0.cid) }
        return OrderJudge(
            order, cid: part1.cid, thread: part1.envelope.header.thread,
            known: KnownDocuments(documents.shuffled(), revocations: revocations))
    }

    /// Part 3, with what the arguments name in place of what is right.
    func redemption(
        by sender: Party? = nil, order: CID? = nil, terms: OrderTerms? = nil, use: Int = 1,
        kind: OrderPartKind = .redemption, answering: SignedEnvelope?? = .none
    ) throws -> (SignedEnvelope, OrderRedemption) {
        let redemption = try OrderRedemption(
            order: order ?? part1.cid, terms: terms ?? self.order.terms, use: use,
            nonce: (0..<16).map { _ in .random(in: 0...255) })
        let previous: SignedEnvelope? = answering ?? part2
        let signed = try OrderStage.envelope(
            kind, redemption.encoded(), from: sender ?? beneficiary, to: [fiduciary.document], answering: previous)
        return (signed, redemption)
    }

    func approval(
        by party: Party, of redemption: CID, order: CID? = nil, use: Int = 1,
        decision: OrderApproval.Decision = .approve, expires: Int64 = now + 60
    ) throws -> SignedApproval {
        let approval = try OrderApproval(
            order: order ?? part1.cid, redemption: redemption, use: use, decision: decision, expires: expires,
            by: party.document.cid)
        return try SignedApproval(signing: approval, approver: party.document, with: party.person.sign)
    }

    func next(_ party: Party) throws -> Party {
        try Person.replacing(party.document, by: [party.person.consent])
    }

    func revoked(_ party: Party) throws -> SignedRevocation {
        try SignedRevocation(revoking: party.document, at: 1, by: party.person.consent)
    }

    /// Somebody who says that he replaces another, which never agreed.
    static func liar(about victim: SignedIdentity) throws -> Party {
        let person = try Person("liar")
        let identity = try person.identity(replacing: victim.cid)
        let hash = try identity.hash
        let signatures = try [DocumentSignature.Role.own, .previous].map {
            DocumentSignature(role: $0, signature: try person.sign(SignedBytes.identity, hash))
        }
        return (person, try SignedIdentity(block: SignedIdentity.encode(identity, signatures)))
    }
}

extension SignedEnvelope {
    /// The same envelope with a signature that does not fit.
    func forged() throws -> SignedEnvelope {
        var signature = signatures[0].signature
        signature[3] ^= 1
        return try SignedEnvelope(
            block: SignedEnvelope.encode(envelope, [DocumentSignature(role: .own, signature: signature)]))
    }
}
