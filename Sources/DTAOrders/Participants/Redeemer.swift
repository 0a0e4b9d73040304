import CustodyProtocol
import DTABytes
import DTACore
import DTAEnvelopes
import DTAFormats
import DTAPlugins
import DTASystem

/// What a redeemer does: it asks for a release, or for a use.
struct Redeemer: Sendable {
    let orders: OrderLookup
    let book: OrderBook
    let office: PostOffice
    let views: OrderViews
    let plugins: PluginRegistry
    let refusals: RefusalMaker
    let fiduciary: Fiduciary

    private var lookup: PartyLookup { book.lookup }
    private var envelopes: EnvelopeService { office.envelopes }

    /// Part 3.
    /// - Parameters: `identity`: the one to act as; nil: the caller's only one that may; `data`: what a use is about;
    ///   `fields`: what else the plugin asks for.
    func redeem(
        _ caller: Caller, _ subject: String, as identity: String?, purpose: String, data: [UInt8],
        fields: [(String, String)]
    ) throws -> OrderAct {
        let record = try orders.find(caller, subject)
        let redeemer = try lookup.acting(
            caller, .order, among: record.terms.redeemers, of: record, as: identity, what: "redeem")
        return office.act(try plugins.program(record, lookup)) { post in
            // A redemption that can no longer be answered does not block this one.
            let freed = try refusals.refuseUnanswerable(record.number, post)
            let record = try book.order(record.number)
            let request = try request(record, data, fields, post)
            let open = try book.redemptions.answerable(record).last { $0.from == redeemer.cid }?.cid
            if let open, try isSame(open, purpose, request, post) {
                return try views.answer(caller, record.number, [open] + fiduciary.advance(record.number, post))
            }
            guard let head = record.progress.head, try mayAsk(record, open: open) else {
                throw refusalToRedeem(record, open: open)
            }
            if let late = book.rules.times(record.terms) { throw late.error }
            let redemption = try explaining("the redemption cannot be made") {
                try OrderRedemption(
                    order: record.cid, terms: record.terms, use: record.progress.uses + 1,
                    nonce: post.custodian.ask(DrawRandom(count: 16)).withBytes { Array(copying: $0) },
                    purpose: purpose.isEmpty ? nil : purpose,
                    request: OrderFields(request))
            }
            let letter = try post.seal(
                .redemption(redemption), from: redeemer, to: [record.terms.fiduciary] + record.terms.approvers,
                needed: [record.terms.fiduciary], answering: envelopes.verified(head))
            if let refusal = try fiduciary.refusal(of: letter, record.number, post) {
                throw DTAError(.invalidArgument, refusal.reason)
            }
            CrashPoint.reach(.orderRedeemSealed)
            try book.add(letter, by: redeemer.owner, in: record.number)
            CrashPoint.reach(.orderRedeemStored)
            let made = try fiduciary.advance(record.number, post)
            return try views.answer(caller, record.number, (freed.map { [$0] } ?? []) + [letter.signed.cid] + made)
        }
    }

    /// Whether one more redemption may be made. The fiduciary decides which of several was first. On other hosts a
    /// redemption that may never reach the fiduciary does not block others.
    /// - Parameter open: the redeemer's own open one.
    private func mayAsk(_ record: OrderRecord, open: CID?) throws -> Bool {
        switch record.state {
        case .committed, .released: true
        case .requested: try open == nil && !lookup.isFiduciaryHere(record.terms)
        default: false
        }
    }

    private func refusalToRedeem(_ record: OrderRecord, open: CID?) -> DTAError {
        let what = "order \(record.reference) cannot be redeemed now"
        switch record.state {
        case .ordered: return DTAError(.failedPrecondition, "\(what): its fiduciary has not committed itself yet")
        case .requested:
            return DTAError(
                .failedPrecondition,
                "\(what): the redemption \((open ?? record.progress.open).map(String.init) ?? "") is open",
                hint: "wait for its answer")
        case .exhausted:
            return DTAError(.failedPrecondition, "\(what): all \(record.terms.maxUses) uses of it were released")
        default: return DTAError(.failedPrecondition, "\(what): it is \(record.state.rawValue). \(record.reason)")
        }
    }

    /// The request, as the plugin gets it.
    private func request(
        _ record: OrderRecord, _ data: [UInt8], _ fields: [(String, String)], _ post: PartPost
    ) throws -> [String: OrderFieldValue] {
        var request: [String: OrderFieldValue] = [:]
        for (name, text) in fields {
            guard request.updateValue(.text(text), forKey: name) == nil else {
                throw DTAError(.invalidArgument, "the field \(quoted(name)) is given twice")
            }
        }
        return try plugins.hooks(record.kind).request(request, data: data) { try post.commitment(record) }
    }

    /// Whether a redemption makes the same request with the same purpose: then it has the same answer.
    private func isSame(
        _ redemption: CID, _ purpose: String, _ request: [String: OrderFieldValue], _ post: PartPost
    ) throws -> Bool {
        guard case .redemption(let before) = try post.part(redemption).part else { return false }
        return before.purpose ?? "" == purpose && before.request.values == request
    }
}
