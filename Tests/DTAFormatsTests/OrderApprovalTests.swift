import Crypto
import Testing

@testable import DTAFormats

@Suite("The counting of approvals")
struct OrderApprovalTests {
    /// What one approver did.
    private enum Act: CaseIterable {
        case nothing, approved, rejected, expired, otherUse, otherRedemption, otherOrder, forged
    }

    private func count(
        _ stage: OrderStage, _ approvals: [SignedApproval], _ part: CID, _ judge: OrderJudge? = nil,
        redeemer: CID? = nil
    ) throws -> OrderJudge.Count {
        try (judge ?? stage.judge()).count(
            approvals, of: part, use: 1, redeemer: redeemer ?? stage.beneficiary.document.cid, now: OrderStage.now)
    }

    @Test(
        "exactly those approvals count that approvers gave to this redemption and use and that have not expired",
        arguments: 1...3)
    func everyCombination(needed: Int) throws {
        let stage = try OrderStage(approvals: needed)
        let judge = stage.judge()
        let (part, other) = (try stage.redemption().0.cid, try stage.redemption().0.cid)
        func make(_ act: Act, _ party: OrderStage.Party) throws -> [SignedApproval] {
            switch act {
            case .nothing: []
            case .approved: [try stage.approval(by: party, of: part, expires: OrderStage.now)]
            case .rejected: [try stage.approval(by: party, of: part, decision: .reject)]
            case .expired: [try stage.approval(by: party, of: part, expires: OrderStage.now - 1)]
            case .otherUse: [try stage.approval(by: party, of: part, use: 2)]
            case .otherRedemption: [try stage.approval(by: party, of: other)]
            case .otherOrder: [try stage.approval(by: party, of: part, order: other)]
            case .forged: [try stage.approval(by: party, of: part).forged()]
            }
        }
        let acts = try stage.approvers.map { party in try Act.allCases.map { ($0, try make($0, party)) } }
        for first in acts[0] {
            for second in acts[1] {
                for third in acts[2] {
                    let chosen = [first, second, third]
                    let result = try judge.count(
                        chosen.flatMap(\.1).shuffled(), of: part, use: 1, redeemer: stage.beneficiary.document.cid,
                        now: OrderStage.now)
                    let good = chosen.count { $0.0 == .approved }
                    #expect(result.counted.count == min(good, needed), "\(chosen.map(\.0))")
                    #expect(result.missing == max(0, needed - good))
                    #expect(result.rejections.count == chosen.count { $0.0 == .rejected })
                    let ignored = chosen.count { ![.nothing, .approved, .rejected].contains($0.0) }
                    #expect(result.ignored.count == ignored)
                }
            }
        }
    }

    @Test("too few approvals of a redemption are an objection, and those that count go into the verdict")
    func verdict() throws {
        let stage = try OrderStage(approvals: 2)
        let part = try stage.redemption()
        let approvals = try stage.approvers.map { try stage.approval(by: $0, of: part.0.cid) }
        func judge(_ approvals: [SignedApproval]) throws -> OrderJudge.Verdict {
            try stage.judge().judge(
                part.0, part.1, approvals: approvals, fiduciary: stage.fiduciary.document.cid,
                received: OrderStage.now, now: OrderStage.now)
        }
        #expect(objection { _ = try judge([]) } == .approvalsMissing)
        #expect(objection { _ = try judge([approvals[1], approvals[1]]) } == .approvalsMissing)
        #expect(try judge(Array(approvals[1...])).approvals.count == 2)
        #expect(try judge(approvals).approvals.count == 2)
        // A no is not a veto.
        let no = try stage.approval(by: stage.approvers[0], of: part.0.cid, decision: .reject)
        #expect(try judge([no] + approvals[1...]).approvals.count == 2)
    }

    @Test("an approver that says both yes and no has not agreed")
    func bothWays() throws {
        let stage = try OrderStage(approvals: 1)
        let part = try stage.redemption().0.cid
        let yes = try stage.approval(by: stage.approvers[0], of: part)
        let no = try stage.approval(by: stage.approvers[0], of: part, decision: .reject)
        for approvals in [[yes, no], [no, yes]] {
            let result = try count(stage, approvals, part)
            #expect(result.counted.isEmpty && result.rejections.count == 1)
        }
    }

    @Test("one approver counts once, however often the identity was rotated")
    func rotated() throws {
        let stage = try OrderStage(approvals: 2)
        let part = try stage.redemption().0.cid
        let old = stage.approvers[0]
        let middle = try stage.next(old)
        let new = try stage.next(middle)
        let approvals = try [old, middle, new].map { try stage.approval(by: $0, of: part) }
        let full = try count(stage, approvals, part, stage.judge([middle.document, new.document]))
        #expect(full.counted == [approvals[2]] && full.ignored.count == 2)
        // With the middle link left out, the newest cannot be told from a stranger, and is not counted beside the oldest.
        let gap = try count(stage, approvals, part, stage.judge([new.document]))
        #expect(gap.counted == [approvals[0]])
    }

    @Test("an order that names two of one line has one approver in them, also when the link between them is left out")
    func oneLineTwice() throws {
        let stage = try OrderStage(approvals: 2)
        let (old, part) = (stage.approvers[0], try stage.redemption().0.cid)
        let middle = try stage.next(old)
        let new = try stage.next(middle)
        let terms = stage.order.terms
        let named = try OrderTerms(
            fiduciary: terms.fiduciary, principal: terms.principal, redeemers: terms.redeemers,
            recipient: terms.recipient, approvers: [old.document.cid, new.document.cid], approvals: 2)
        let approvals = try [old, new].map { try stage.approval(by: $0, of: part) }
        for documents in [[middle.document, new.document], [new.document]] {
            let judge = OrderJudge(
                try Order(kind: "secret", terms: named), cid: stage.part1.cid,
                thread: stage.part1.envelope.header.thread, known: KnownDocuments(stage.everybody + documents))
            #expect(try count(stage, approvals, part, judge).counted.count == 1)
        }
    }

    @Test("approvals of revoked approvers, strangers and liars do not count")
    func badLines() throws {
        let stage = try OrderStage(approvals: 1)
        let part = try stage.redemption().0.cid
        let approval = try stage.approval(by: stage.approvers[0], of: part)
        let revoked = stage.judge(revocations: [try stage.revoked(stage.approvers[0])])
        #expect(try count(stage, [approval], part, revoked).counted.isEmpty)
        let unknown = stage.judge(without: [stage.approvers[0].document.cid])
        #expect(try count(stage, [approval], part, unknown).counted.isEmpty)
        let stranger = try Person.with()
        let liar = try OrderStage.liar(about: stage.approvers[0].document)
        for party in [stranger, liar, stage.principal] {
            let judge = stage.judge([stranger.document, liar.document])
            #expect(try count(stage, [stage.approval(by: party, of: part)], part, judge).counted.isEmpty)
        }
    }

    @Test("the requester's own approval does not count unless the terms say so", arguments: [false, true])
    func requester(mayApprove: Bool) throws {
        let stage = try OrderStage(approvals: 1, requesterMayApprove: mayApprove, beneficiaryApproves: true)
        let part = try stage.redemption().0.cid
        let own = try stage.approval(by: stage.beneficiary, of: part)
        #expect(try count(stage, [own], part).counted.count == (mayApprove ? 1 : 0))
        // Nor by the identity that follows, when that one asks.
        let next = try stage.next(stage.beneficiary)
        let judge = stage.judge([next.document])
        let approvals = [own, try stage.approval(by: next, of: part)]
        let result = try count(stage, approvals, part, judge, redeemer: next.document.cid)
        #expect(result.counted.count == (mayApprove ? 1 : 0))
        #expect(try count(stage, [stage.approval(by: stage.approvers[1], of: part)], part).counted.count == 1)
    }
}

extension SignedApproval {
    /// The same with a signature that does not fit.
    func forged() throws -> SignedApproval {
        guard case .map(var map) = try DAGCBOR.decode(block), case .list(let list)? = map["signatures"],
            case .map(var signature) = list[0], case .bytes(var bytes)? = signature["sig"]
        else { throw FormatError(.malformed, "no signed approval") }
        bytes[3] ^= 1
        signature["sig"] = .bytes(bytes)
        map["signatures"] = .list([.map(signature)])
        return try SignedApproval(DAGCBOR.encode(.map(map)))
    }
}
