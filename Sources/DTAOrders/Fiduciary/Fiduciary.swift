import CustodyProtocol
import DTACore
import DTAEnvelopes
import DTAFormats
import DTALedger
import DTAPlugins
import DTASystem
import GRDB
import Logging

/// What a fiduciary does with an order: by request, or automatically if its rules say so.
struct Fiduciary: Sendable {
    let orders: OrderLookup
    let book: OrderBook
    let office: PostOffice
    let views: OrderViews
    let plugins: PluginRegistry
    let rules: OrderRules
    let refusals: RefusalMaker
    let commitments: CommitmentMaker
    let releases: ReleaseMaker
    let destroyer: SecretDestroyer
    let logger: Logger

    var lookup: PartyLookup { book.lookup }
    var envelopes: EnvelopeService { office.envelopes }

    typealias Decision = FiduciaryDecision

    /// - Parameters: `decision`: "": the next step; `reason`: why it is refused, one line; `redemption`: the CID of the
    ///   one that the caller saw: nothing is done if another is open; "": the open one.
    func fulfil(
        _ caller: Caller, _ subject: String, decision: String, reason: String, redemption: String
    ) throws -> OrderAct {
        let record = try orders.find(caller, subject)
        _ = try lookup.acting(
            caller, .fulfil, among: [record.terms.fiduciary], of: record, as: nil, what: "fulfil")
        if decision.isEmpty { try record.requireCompared() }
        guard let decision = decision.isEmpty ? usual(record) : Decision(rawValue: decision) else {
            throw decision.isEmpty
                ? DTAError(
                    .failedPrecondition,
                    "nothing of order \(record.reference) waits for its fiduciary: it is \(record.state.rawValue)")
                : DTAError(
                    .invalidArgument, "a fiduciary decides commit, release, refuse or resume, not \(quoted(decision))")
        }
        let seen = try redemption.isEmpty ? nil : LedgerService.cid(redemption)
        return office.act(try plugins.program(record, lookup)) { post in
            let now = try book.order(record.number)
            if let seen, let open = now.progress.open, seen != open {
                throw DTAError(
                    .failedPrecondition,
                    "the redemption of order \(now.reference) that is open is \(open), and not \(seen)",
                    helps: .showOrder, about: now.reference.description)
            }
            var parts: [CID] = []
            switch decision {
            case .commit: parts = [try book.last(.commitment, of: now)?.cid ?? commitments.make(now, post)]
            case .release:
                parts = [
                    try refusals.refuseUnanswerable(now.number, byHand: true, post)
                        ?? (now.progress.open == nil ? again(now, seen) : releases.make(now, post))
                ]
            case .refuse:
                // Without a reason from the caller, use the reason why nothing can be released, if there is one.
                let found = try reason.isEmpty ? refusals.refuseUnanswerable(now.number, byHand: true, post) : nil
                parts = [try found ?? refusals.refuse(now, reason: reason, post)]
            case .resume: break
            }
            // Last: if a step above failed, the order still has to be compared.
            try book.noteCompared(now)
            if decision == .resume { parts = try advance(record.number, post) }
            return try views.answer(caller, record.number, parts)
        }
    }

    private func usual(_ record: OrderRecord) -> Decision? {
        switch record.state {
        case .ordered: .commit
        case .requested: .release
        default: nil
        }
    }

    /// The last release, if it answers the redemption that the caller saw.
    private func again(_ record: OrderRecord, _ seen: CID?) throws -> CID {
        let last = try book.last(.release, of: record)
        guard let last, [.released, .exhausted].contains(record.state), seen == nil || last.previous == seen else {
            throw DTAError(
                .failedPrecondition,
                "no redemption of order \(record.reference) is open: it is \(record.state.rawValue)")
        }
        return last.cid
    }

    // MARK: Automatically

    /// The rule of this host that accepts an order; nil: none does.
    private func rule(_ record: OrderRecord) throws -> OrderRules.Rule? {
        let principal = try lookup.identities.known(book.blocks.document(record.terms.principal))
        return rules.rule(for: record.kind, from: principal)
    }

    /// Takes up an order that was just made or came: refuses it if no rule accepts it, and commits if a rule says so.
    /// - Returns: the parts that it made.
    func take(up number: Int64, _ letter: OpenedPart, _ post: PartPost) throws -> [CID] {
        let record = try book.order(number)
        guard record.state == .ordered, record.restored == nil, case .order(let order)? = letter.part else { return [] }
        if let refusal = try refusal(of: order, record) {
            // The part that is on record: the order may have come again under another signature.
            let first = OpenedPart(try envelopes.verified(record.cid), .order, letter.part, standing: letter.standing)
            return try refusals.refuse(first, record, refusal, post).map { [$0] } ?? []
        }
        return try advance(number, post)
    }

    /// Why this host's rules, or the plugin, refuse an order; nil: they do not.
    private func refusal(of order: Order, _ record: OrderRecord) throws -> Refusal? {
        let plugin: any OrderPlugin
        do { plugin = try plugins.plugin(order.kind) } catch let error as DTAError where error.isPluginDecision {
            return Refusal(.plugin, "this fiduciary knows no orders of type \(order.kind)")
        }
        guard try rule(record) != nil else {
            return Refusal(.policy, "this fiduciary accepts no orders of type \(order.kind) from this principal")
        }
        if let share = book.shares.share(in: order.fields, of: order.kind),
            try book.store.read({ try book.shares.user(of: share, besides: record.cid, $0) }) != nil
        {
            return Refusal(.plugin, "another order uses this share of a wallet: each is used once")
        }
        do {
            try plugin.validate(PluginOrder(of: order, record))
            return nil
        } catch let error as DTAError where error.isPluginDecision {
            return Refusal(.plugin, error.message)
        }
    }

    /// Does the next step if this host's rules make it automatic. A step that fails waits for a request, or for the
    /// next part that comes.
    /// - Returns: the parts that it made.
    func advance(_ number: Int64, _ post: PartPost) throws -> [CID] {
        let record = try book.order(number)
        guard record.restored == nil, try lookup.isFiduciaryHere(record.terms), let rule = try rule(record) else {
            return []
        }
        do {
            switch record.state {
            case .ordered where rule.commitsByItself: return [try commitments.make(record, post)]
            case .requested where rule.releasesByItself:
                if let refusal = try refusals.refuseUnanswerable(number, post) { return [refusal] }
                // While approvals are missing there is nothing to log.
                guard try isReleasable(record) else { return [] }
                return [try releases.make(record, post)]
            default: return []
            }
        } catch let error as DTAError {
            logger.warning(
                "an order waits for a hand",
                metadata: ["order": "\(record.cid)", "state": "\(record.state)", "why": "\(error.message)"])
            return []
        }
    }

    private func isReleasable(_ record: OrderRecord) throws -> Bool {
        guard record.terms.approvals > 0, let open = record.progress.open else { return true }
        return try book.approvals(of: open).count { $0.approval.decision == .approve } >= record.terms.approvals
    }

    /// Why the plugin refuses a redemption; nil if it does not, or this host is not the fiduciary's.
    func refusal(of letter: OpenedPart, _ number: Int64, _ post: PartPost) throws -> Refusal? {
        guard case .redemption(let asked)? = letter.part else { return nil }
        let record = try book.order(number)
        guard try lookup.isFiduciaryHere(record.terms) else { return nil }
        // A redemption that comes again has its answer, and the plugin may not run any more.
        guard try !book.isJudged(letter) else { return nil }
        let (_, _, order) = try post.order(record)
        do {
            try plugins.plugin(order.kind).prepare(
                PluginOrder(of: order, record),
                PluginRedemption(
                    cid: letter.signed.cid, use: asked.use, redeemer: letter.from, purpose: asked.purpose,
                    request: asked.request.values))
            return nil
        } catch let error as DTAError where error.isPluginDecision {
            return Refusal(.plugin, error.message)
        }
    }
}
