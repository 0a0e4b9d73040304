import Crypto
import Testing

@testable import DTAFormats

/// What is thrown as an objection.
func objection(
    at location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> OrderObjection.Code? {
    do {
        try body()
        Issue.record("granted", sourceLocation: location)
    } catch let error as OrderObjection {
        return error.code
    } catch {
        Issue.record("not an objection: \(error)", sourceLocation: location)
    }
    return nil
}

@Suite("The judgement of redemptions")
struct OrderJudgeTests {
    private func judge(
        _ stage: OrderStage, _ part: (SignedEnvelope, OrderRedemption), _ judge: OrderJudge? = nil,
        approvals: [SignedApproval] = [], fiduciary: CID? = nil, received: Int64 = OrderStage.now,
        now: Int64 = OrderStage.now
    ) throws -> OrderJudge.Verdict {
        try (judge ?? stage.judge()).judge(
            part.0, part.1, approvals: approvals, fiduciary: fiduciary ?? stage.fiduciary.document.cid,
            received: received, now: now)
    }

    @Test("a redeemer's redemption is granted, for the recipient that the order names")
    func granted() throws {
        let stage = try OrderStage()
        let verdict = try judge(stage, stage.redemption())
        #expect(verdict.redeemer == stage.beneficiary.document)
        #expect(verdict.recipient == stage.beneficiary.document)
        #expect(verdict.approvals.isEmpty)
    }

    @Test("a redemption of another order, thread, terms or kind is none of this one")
    func wrongOrder() throws {
        let stage = try OrderStage(maxUses: 3)
        let other = try OrderStage()
        let terms = stage.order.terms
        let otherTerms = try OrderTerms(
            fiduciary: terms.fiduciary, principal: terms.principal, beneficiary: terms.beneficiary,
            redeemers: terms.redeemers, recipient: terms.recipient, maxUses: 9)
        let parts = [
            try stage.redemption(order: other.part1.cid), try stage.redemption(terms: otherTerms),
            try stage.redemption(terms: otherTerms, use: 5), try stage.redemption(kind: .release),
            try stage.redemption(answering: .some(nil)), try stage.redemption(answering: other.part2),
        ]
        for part in parts { #expect(objection { _ = try judge(stage, part) } == .wrongOrder) }
        for use in 1...3 { _ = try judge(stage, stage.redemption(use: use)) }
        #expect(throws: FormatError.self) { try stage.redemption(use: 4) }
    }

    @Test("only redeemers redeem, and their signatures must fit")
    func redeemers() throws {
        let stage = try OrderStage()
        for party in [stage.principal, stage.fiduciary, stage.approvers[0]] {
            #expect(objection { _ = try judge(stage, stage.redemption(by: party)) } == .notRedeemer)
        }
        let part = try stage.redemption()
        #expect(objection { _ = try judge(stage, (part.0.forged(), part.1)) } == .forged)
        #expect(
            objection { _ = try judge(stage, part, stage.judge(without: [stage.beneficiary.document.cid])) }
                == .unknownParty)
        let stranger = try Person.with()
        #expect(
            objection { _ = try judge(stage, stage.redemption(by: stranger), stage.judge([stranger.document])) }
                == .notRedeemer)
    }

    @Test("the newest of a redeemer's line redeems, and nobody else of it")
    func rotatedRedeemer() throws {
        let stage = try OrderStage()
        let second = try stage.next(stage.beneficiary)
        let third = try stage.next(second)
        let all = stage.judge([second.document, third.document])
        let verdict = try judge(stage, stage.redemption(by: third), all)
        #expect(verdict.redeemer == third.document && verdict.recipient == third.document)
        for old in [stage.beneficiary, second] {
            #expect(objection { _ = try judge(stage, stage.redemption(by: old), all) } == .notCurrent)
        }
        // A line with a gap is not judged at all: who left it out may want one person to be two.
        let gap = stage.judge([third.document])
        #expect(objection { _ = try judge(stage, stage.redemption(by: third), gap) } == .unknownParty)
    }

    @Test("an identity that is revoked, in conflict, or lies about a line, redeems nothing")
    func badLines() throws {
        let stage = try OrderStage()
        let revoked = stage.judge(revocations: [try stage.revoked(stage.beneficiary)])
        #expect(objection { _ = try judge(stage, stage.redemption(), revoked) } == .notCurrent)
        let (one, two) = (try stage.next(stage.beneficiary), try stage.next(stage.beneficiary))
        let conflict = stage.judge([one.document, two.document])
        for party in [stage.beneficiary, one, two] {
            #expect(objection { _ = try judge(stage, stage.redemption(by: party), conflict) } == .notCurrent)
        }
        let afterRevocation = stage.judge(
            [one.document], revocations: [try stage.revoked(stage.beneficiary)])
        #expect(objection { _ = try judge(stage, stage.redemption(by: one), afterRevocation) } == .notRedeemer)
        let liar = try OrderStage.liar(about: stage.beneficiary.document)
        let lied = stage.judge([liar.document])
        #expect(objection { _ = try judge(stage, stage.redemption(by: liar), lied) } == .forged)
        _ = try judge(stage, stage.redemption(), lied)
    }

    @Test("the holder that recovered an identity redeems, and a thief of its key does not")
    func recovery() throws {
        var stage = try OrderStage()
        let recovery = Recovery()
        let owner = try Person.with(recovery: recovery)
        let thief = try Person.replacing(owner.document, by: [owner.person.consent])
        let recovered = try Person.replacing(owner.document, by: [recovery.consent])
        stage.beneficiary = owner
        let terms = stage.order.terms
        let named = try OrderTerms(
            fiduciary: terms.fiduciary, principal: terms.principal, beneficiary: thief.document.cid,
            redeemers: [thief.document.cid], recipient: thief.document.cid)
        let order = try Order(kind: OrderKind.secret, terms: named)
        let known = KnownDocuments(stage.everybody + [thief.document, recovered.document])
        let judge = OrderJudge(order, cid: stage.part1.cid, thread: stage.part1.envelope.header.thread, known: known)
        func decide(_ party: OrderStage.Party) throws -> OrderJudge.Verdict {
            let part = try stage.redemption(by: party, terms: named)
            return try judge.judge(
                part.0, part.1, approvals: [], fiduciary: terms.fiduciary, received: OrderStage.now,
                now: OrderStage.now)
        }
        #expect(objection { _ = try decide(thief) } == .notCurrent)
        // The order named the thief, believing him to be the owner: his line was decided for who recovered it.
        #expect(try decide(recovered).recipient == recovered.document)
    }

    @Test("the result of a redemption is for the newest of the recipient's line, which must be current")
    func recipient() throws {
        let stage = try OrderStage()
        let newest = try stage.next(stage.beneficiary)
        #expect(try stage.judge().recipient() == stage.beneficiary.document)
        #expect(try stage.judge([newest.document]).recipient() == newest.document)
        let end = stage.judge([newest.document], revocations: [try stage.revoked(newest)])
        #expect(objection { _ = try end.recipient() } == .notCurrent)
        let other = try stage.next(stage.beneficiary)
        #expect(objection { _ = try stage.judge([newest.document, other.document]).recipient() } == .notCurrent)
        #expect(
            objection { _ = try stage.judge(without: [stage.beneficiary.document.cid]).recipient() } == .unknownParty)
    }

    @Test("a redemption is for the order's fiduciary, or one of that one's line")
    func fiduciary() throws {
        let stage = try OrderStage()
        let newer = try stage.next(stage.fiduciary)
        let part = try stage.redemption()
        _ = try judge(stage, part, stage.judge([newer.document]), fiduciary: newer.document.cid)
        let liar = try OrderStage.liar(about: stage.fiduciary.document)
        for other in [stage.principal, newer, liar] {
            let judge = stage.judge([liar.document])
            #expect(
                objection { _ = try self.judge(stage, part, judge, fiduciary: other.document.cid) }
                    == .wrongFiduciary)
        }
    }

    @Test(
        "the order's times bind both when a redemption came and when it is released",
        arguments: [
            (100, 100, nil), (100, 200, nil), (200, 200, nil), (99, 100, OrderObjection.Code.notYet),
            (99, 99, .notYet), (100, 201, .tooLate), (201, 201, .tooLate), (201, 150, .tooLate), (100, 99, .notYet),
        ] as [(Int64, Int64, OrderObjection.Code?)])
    func times(received: Int64, now: Int64, expected: OrderObjection.Code?) throws {
        let stage = try OrderStage(notBefore: 100, notAfter: 200)
        let part = try stage.redemption()
        guard let expected else {
            _ = try judge(stage, part, received: received, now: now)
            return
        }
        #expect(objection { _ = try judge(stage, part, received: received, now: now) } == expected)
    }

    @Test("a redemption cannot come after now, but for what clocks are corrected by")
    func future() throws {
        let stage = try OrderStage()
        let part = try stage.redemption()
        _ = try judge(stage, part, received: 1300, now: 1000)
        #expect(objection { _ = try judge(stage, part, received: 1301, now: 1000) } == .notYet)
    }
}
