import CustodyProtocol
import DTACore
import DTAEnvelopes
import DTAFormats
import DTAIdentities
import DTASystem
import GRDB

/// Makes the fiduciary's signed refusals.
struct RefusalMaker: Sendable {
    let book: OrderBook
    let envelopes: EnvelopeService

    private var lookup: PartyLookup { book.lookup }
    private var store: Store { book.store }

    /// Refuses the order, or the open redemption, by request.
    func refuse(_ record: OrderRecord, reason: String, _ post: PartPost) throws -> CID {
        let refused: CID
        switch record.state {
        case .ordered: refused = record.cid
        case .requested: refused = record.progress.open ?? record.cid
        case .refused:
            guard let before = try book.last(.refusal, of: record)?.cid else { fallthrough }
            return before
        default:
            throw DTAError(
                .failedPrecondition,
                "nothing of order \(record.reference) can be refused now: it is \(record.state.rawValue)")
        }
        let signed = try envelopes.verified(refused)
        let letter = OpenedPart(signed, try OrderPartKind(of: signed), nil)
        let why = reason.isEmpty ? "the fiduciary decided so" : reason
        guard let refusal = try refuse(letter, record, Refusal(.decision, why), post) else {
            throw DTAError(.failedPrecondition, "the sender of \(refused) cannot be answered any more")
        }
        return refusal
    }

    /// Makes a signed refusal, if the sender has a right to one. Strangers get none.
    /// - Returns: its CID; nil: it made none.
    func refuse(
        _ letter: OpenedPart, _ record: OrderRecord, _ reason: Refusal, _ post: PartPost
    ) throws -> CID? {
        guard letter.kind == .order || letter.kind == .redemption, reason.code != .stranger, reason.code != .mismatch
        else { return nil }
        let (actor, asker) = try store.read { database -> (IdentityRecord?, CID?) in
            let facts = KnownFacts(database: database)
            let askers = letter.kind == .order ? [record.terms.principal] : record.terms.redeemers
            return (
                try lookup.actor(for: record.terms.fiduciary, facts),
                try lookup.party(letter.from, among: askers, facts)
            )
        }
        // A superseded redeemer gets no signed answer, but the redemption is still closed.
        guard let actor, asker != nil || reason.code == .replaced else { return nil }
        let use = letter.kind == .order ? 0 : record.progress.uses + 1
        let refusal = try explaining("the refusal cannot be made") {
            try OrderRefusal(
                order: record.cid, terms: record.terms, use: min(use, record.terms.maxUses), refused: letter.signed.cid,
                code: reason.code.rawValue, reason: RefusalMaker.line(reason.reason, atMost: OrderRefusal.reasonLimit),
                winner: reason.winner)
        }
        // The principal made the terms, and is told who was refused under them.
        let answer = try post.seal(
            .refusal(refusal), from: actor, to: (asker.map { [$0] } ?? []) + [record.terms.principal],
            answering: letter.signed)
        CrashPoint.reach(.orderRefuseSealed)
        try book.add(answer, by: actor.owner, in: record.number)
        return answer.signed.cid
    }

    /// One line of text, without characters that a document may not have.
    static func line(_ text: String, atMost limit: Int) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            let isPlain = scalar.value >= 0x20 && scalar.value < 0x7f || scalar.properties.isAlphabetic
            let next = isPlain ? String(scalar) : "?"
            guard line.utf8.count + next.utf8.count <= limit else { break }
            line += next
        }
        return line.isEmpty ? "no reason was given" : line
    }

    /// Refuses the open redemption if nothing can be released to it any more.
    /// - Parameter byHand: also refuses for an order from a backup, which otherwise waits for a request.
    /// - Returns: the refusal; nil if there is nothing to refuse, or this host is not the fiduciary's.
    func refuseUnanswerable(_ number: Int64, byHand: Bool = false, _ post: PartPost) throws -> CID? {
        let (record, found) = try store.read { database -> (OrderRecord, (redemption: CID, refusal: Refusal)?) in
            let record = try OrderTable.need(number, in: database)
            guard byHand || record.restored == nil else { return (record, nil) }
            return (record, try book.redemptions.unanswerable(record, KnownFacts(database: database), database))
        }
        guard let found else { return nil }
        return try refuse(
            OpenedPart(envelopes.verified(found.redemption), .redemption, nil), record, found.refusal, post)
    }
}
