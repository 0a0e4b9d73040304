import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem

/// What an approver does: it says yes or no to a redemption.
struct Approver: Sendable {
    let orders: OrderLookup
    let book: OrderBook
    let office: PostOffice
    let views: OrderViews
    let plugins: PluginRegistry
    let fiduciary: Fiduciary
    let clock: WallClock

    private var lookup: PartyLookup { book.lookup }

    /// - Parameters: `decision`: approve or reject; `redemption`: its CID; "": the open one, if there is only one;
    ///   `use`: 0: the open one; `expires`: Unix seconds; 0: a day from now.
    func approve(
        _ caller: Caller, _ subject: String, as identity: String?, decision: String, redemption: String, use: Int,
        expires: Int64
    ) throws -> OrderAct {
        let record = try orders.find(caller, subject)
        let approver = try lookup.acting(
            caller, .approve, among: record.terms.approvers, of: record, as: identity, what: "approve redemptions of",
            hasActed: { approver in
                let asked = try book.redemptions.chosen(redemption, use: use, of: record).cid
                return try book.word(of: approver.cid, on: asked) != nil
            })
        guard let decision = OrderApproval.Decision(rawValue: decision) else {
            throw DTAError(.invalidArgument, "an approver decides approve or reject, not \(quoted(decision))")
        }
        let end = expires == 0 ? clock.now + 86_400 : expires
        guard end > clock.now else {
            throw DTAError(.invalidArgument, "the approval would have expired already when it is made")
        }
        let chosen = try book.redemptions.chosen(redemption, use: use, of: record).cid
        let asked = try office.envelopes.verified(chosen)
        return office.act(try plugins.program(record, lookup)) { post in
            let before = try book.word(of: approver.cid, on: chosen)
            if let before {
                guard before.decision == decision else {
                    throw DTAError(
                        .failedPrecondition,
                        "\(lookup.identities.display(approver.cid)) has decided about this redemption already")
                }
                return try views.answer(caller, record.number, [before.cid] + fiduciary.advance(record.number, post))
            }
            let approval = try explaining("the approval cannot be made") {
                try OrderApproval(
                    order: record.cid, redemption: chosen, use: record.progress.uses + 1, decision: decision,
                    expires: end, by: approver.cid)
            }
            let signed = try explaining("the approval cannot be signed") {
                try SignedApproval(
                    signing: approval, approver: book.blocks.document(approver.cid),
                    with: approver.keys.sign(post.custodian),
                    postQuantum: approver.keys.signPostQuantum(post.custodian))
            }
            let letter = try post.seal(
                .approval(signed), from: approver, to: [record.terms.fiduciary], needed: [record.terms.fiduciary],
                answering: asked)
            CrashPoint.reach(.orderApproveSealed)
            try book.add(letter, by: approver.owner, in: record.number)
            CrashPoint.reach(.orderApproveStored)
            let made = try fiduciary.advance(record.number, post)
            return try views.answer(caller, record.number, [letter.signed.cid] + made)
        }
    }
}
