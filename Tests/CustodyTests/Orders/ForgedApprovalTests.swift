import CustodyProtocol
import DTAFormats
import DTASystem
import TestSupport
import Testing

@Suite("Approvals and documents with which a captured front gets nothing", .ownThread)
struct ForgedApprovalTests {
    let host: OrderHost
    let taken: OrderHost.Taken
    let redemption: SignedEnvelope

    init() throws {
        host = try OrderHost()
        taken = try host.take(host.terms(approvals: 2, maxUses: 3))
        redemption = try host.redeem(taken)
    }

    private func refused(
        _ what: String, _ second: SignedApproval, documents: [[UInt8]] = [],
        at location: SourceLocation = #_sourceLocation
    ) throws {
        // One good approval, and one that must not be the second.
        let first = try host.approvers[0].approval(of: redemption.cid, order: taken.part1.cid)
        host.refused(.failedPrecondition, what, at: location) {
            try host.release(
                taken, redemption.block, approvals: [first, second], documents: host.documents + documents)
        }
    }

    @Test("a captured front has nothing released by approvals of something else, or by somebody else")
    func approvals() throws {
        let order = taken.part1.cid
        let (a, b) = (host.approvers[0], host.approvers[1])
        let next = try host.redeem(taken, use: 2)
        let other = try host.take(host.terms(approvals: 2))
        try refused("of another redemption", b.approval(of: next.cid, order: order))
        try refused("of another use", b.approval(of: redemption.cid, order: order, use: 2))
        try refused("of another order", b.approval(of: redemption.cid, order: other.part1.cid))
        try refused("expired", b.approval(of: redemption.cid, order: order, expires: OrderHost.now - 1))
        try refused("a rejection", b.approval(of: redemption.cid, order: order, decision: .reject))
        try refused("the same again", a.approval(of: redemption.cid, order: order))
        try refused(
            "the same approver, otherwise", a.approval(of: redemption.cid, order: order, expires: 4_000_000_001))
        try refused("the requester's own", host.beneficiary.approval(of: redemption.cid, order: order))
        try refused("the principal's", host.principal.approval(of: redemption.cid, order: order))
        let thief = try Remote("thief")
        try refused(
            "a stranger's", thief.approval(of: redemption.cid, order: order), documents: [thief.document.block])
        try refused("of nobody known", thief.approval(of: redemption.cid, order: order))
        // In another's name, with one's own signature.
        let genuine = try b.approval(of: redemption.cid, order: order)
        let hash = try genuine.approval.hash
        guard case .map(var map) = try DAGCBOR.decode(genuine.block) else { return }
        map["signatures"] = .list([
            .map(["by": .text("self"), "sig": .bytes(try thief.sign(SignedBytes.approval, hash))])
        ])
        try refused("forged", SignedApproval(DAGCBOR.encode(.map(map))))
        // The signature of a rejection, or of another document of his, under an approval.
        map["signatures"] = .list([
            .map(["by": .text("self"), "sig": .bytes(try b.sign(SignedBytes.envelope, hash))])
        ])
        try refused("signed in another context", SignedApproval(DAGCBOR.encode(.map(map))))
        host.refused(.invalidArgument, "no approval at all") {
            try host.custody.ask(
                Release(
                    RedemptionRequest(
                        fiduciary: host.fiduciary.recipientKey, sealed: taken.sealed, order: taken.part1.cid,
                        redemption: SignedBlock(redemption.block), approvals: [[0xa0]].map(SignedBlock.init),
                        documents: host.documents.map(SignedBlock.init), received: OrderHost.now)))
        }
    }

    @Test(
        "a captured front has nothing released by one approver that poses as two, by rotation, with and without the link between them"
    )
    func twiceByRotation() throws {
        let order = taken.part1.cid
        let old = host.approvers[0]
        let middle = try old.rotated()
        let new = try middle.rotated()
        let documents = [middle.document.block, new.document.block]
        try refused("both", new.approval(of: redemption.cid, order: order), documents: documents)
        try refused("without the link", new.approval(of: redemption.cid, order: order), documents: [documents[1]])
        // As himself, and with another who is one, it is enough.
        let pair = try [new, host.approvers[1]].map { try $0.approval(of: redemption.cid, order: order) }
        _ = try host.release(
            taken, redemption.block, approvals: pair, documents: host.documents + documents)
    }

    @Test("a captured front has nothing released by documents that lie about a line")
    func liars() throws {
        let plain = try host.take()
        let order = plain.part1.cid
        let liar = try Remote.liar(about: host.beneficiary)
        let lies = host.documents + [liar.document.block]
        // As a redeemer; and as the one to whom it would be sealed.
        host.refused(.dataLoss) { try host.release(plain, host.redeem(plain, by: liar).block, documents: lies) }
        let envelope = try host.release(plain, host.redeem(plain).block, documents: lies)
        #expect(try envelope.recipients() == [host.beneficiary.cid])
        let approver = try Remote.liar(about: host.approvers[1])
        try refused(
            "a liar's approval", approver.approval(of: redemption.cid, order: taken.part1.cid),
            documents: [approver.document.block])
        // Documents that are damaged, or none at all.
        let redemption = try host.redeem(plain).block
        host.refused(.dataLoss) {
            try host.release(
                plain, redemption, documents: host.documents + [host.beneficiary.document.block.flipped(at: 40)])
        }
        host.refused(.invalidArgument) {
            try host.release(plain, redemption, documents: host.documents + [plain.part1.block])
        }
        host.refused(.invalidArgument) { try host.release(plain, redemption, documents: host.documents + [[1, 2]]) }
        _ = order
    }

    @Test("a captured front has nothing released by leaving documents out")
    func leftOut() throws {
        let plain = try host.take()
        let redemption = try host.redeem(plain).block
        for missing in [host.beneficiary.document.block] {
            host.refused(.failedPrecondition) {
                try host.release(plain, redemption, documents: host.documents.filter { $0 != missing })
            }
        }
        host.refused(.failedPrecondition) { try host.release(plain, redemption, documents: []) }
        let newer = try host.beneficiary.rotated()
        let newest = try newer.rotated()
        let later = try host.redeem(plain, by: newest).block
        host.refused(.failedPrecondition, "a link of the redeemer's line") {
            try host.release(plain, later, documents: host.documents + [newest.document.block])
        }
    }

    @Test("a captured front has nothing released by or for an identity that is revoked, or no longer current")
    func ended() throws {
        let plain = try host.take()
        let revoked = host.documents + [try host.beneficiary.revocation().block]
        host.refused(.failedPrecondition) { try host.release(plain, host.redeem(plain).block, documents: revoked) }
        let newer = try host.beneficiary.rotated()
        let rival = try host.beneficiary.rotated()
        host.refused(.failedPrecondition, "the old identity") {
            try host.release(
                plain, host.redeem(plain).block, documents: host.documents + [newer.document.block])
        }
        for party in [host.beneficiary, newer, rival] {
            host.refused(.failedPrecondition, "a conflict") {
                try host.release(
                    plain, host.redeem(plain, by: party).block,
                    documents: host.documents + [newer.document.block, rival.document.block])
            }
        }
        // A revocation that its subject never signed ends nobody.
        let other = try Remote("other").revocation()
        let envelope = try host.release(
            plain, host.redeem(plain).block, documents: host.documents + [other.block])
        #expect(try envelope.recipients() == [host.beneficiary.cid])
    }
}
