import DTACore
import DTAFormats
import DTAIdentities
import DTALedger
import DTASystem
import GRDB

/// Which redemptions may be decided about here. The fiduciary takes up one at a time. On other hosts several can be
/// open: a redeemer can send approvers one that the fiduciary never gets, and that must not keep other redeemers'
/// redemptions from being approved.
struct OpenRedemptions: Sendable {
    let lookup: PartyLookup
    let rules: PartRules
    let clock: WallClock

    /// How many of one redeemer's are looked at: the last ones. So redeemers can crowd out only their own.
    static let ofEach = 3

    private var store: Store { lookup.identities.blocks.store }

    /// The redemptions of the next use that were not refused, as far as is known here, and whose senders are still
    /// current; the oldest first.
    func all(_ record: OrderRecord, _ facts: KnownFacts, in database: Database) throws -> [StoredOrderPart] {
        guard record.state == .requested, let head = record.progress.head else { return [] }
        let senders = try OrderPartTable.redeemers(following: head, of: record.number, in: database).filter { sender in
            try lookup.isCurrent(sender, in: database)
                && lookup.party(sender, among: record.terms.redeemers, facts) != nil
        }
        let found = try senders.flatMap { sender in
            try OrderPartTable.redemptions(
                by: sender, following: head, of: record.number, atMost: OpenRedemptions.ofEach, in: database)
        }
        return found.sorted { $0.number < $1.number }
    }

    /// Those of them to which something may be released, as far as is known here.
    func answerable(_ record: OrderRecord) throws -> [StoredOrderPart] {
        try store.read { database in
            let facts = KnownFacts(database: database)
            return try all(record, facts, in: database).filter {
                try refusal(of: $0, in: record, facts, database) == nil
            }
        }
    }

    /// The redemption that a caller decides about.
    /// - Parameters: `named`: its CID; "": the only one; `use`: 0: the next one.
    func chosen(_ named: String, use: Int, of record: OrderRecord) throws -> StoredOrderPart {
        let wanted = try named.isEmpty ? nil : LedgerService.cid(named)
        let open = try store.read { try all(record, KnownFacts(database: $0), in: $0) }
        let what = "order \(record.reference)\(use == 0 ? "" : " for use \(use)")"
        guard !open.isEmpty, use == 0 || use == record.progress.uses + 1 else {
            throw DTAError(.failedPrecondition, "no redemption of \(what) is open here")
        }
        let names = open.map { "\($0.cid)" }.joined(separator: ", ")
        guard let wanted else {
            guard let only = open.first, open.count == 1 else {
                throw DTAError(
                    .failedPrecondition, "\(open.count) redemptions of \(what) are open here: say which one",
                    hint: "open are \(names)")
            }
            return only
        }
        guard let found = open.first(where: { $0.cid == wanted }) else {
            throw DTAError(
                .failedPrecondition, "the redemption \(wanted) is none of \(what) that is open here",
                hint: "open \(open.count == 1 ? "is" : "are") \(names)")
        }
        return found
    }

    // MARK: Redemptions that can no longer be answered

    /// Why nothing can be released to a redemption any more, as far as is known here; nil: a release is still possible.
    ///
    /// While it is open, the fiduciary takes up no other. So it refuses this one.
    func refusal(
        of redemption: StoredOrderPart, in record: OrderRecord, _ facts: KnownFacts, _ database: Database
    ) throws -> Refusal? {
        let identities = lookup.identities
        if try !lookup.isCurrent(redemption.from, in: database) {
            let standing = try identities.standing(redemption.from, in: database)?.name ?? "unknown"
            return Refusal(
                .replaced,
                "\(identities.display(redemption.from)) asked for it, and is known here as \(standing) by now")
        }
        let terms = record.terms
        if let end = terms.notAfter, clock.now > end, let late = rules.times(terms) { return late }
        let recipient = try IdentityJudge(facts).newest(of: terms.recipient)
        if recipient.standing == .revoked {
            return Refusal(
                .replaced,
                "\(identities.display(recipient.cid)), who would get it, is known here as revoked by now")
        }
        return try rejection(of: redemption, terms, facts, database)
    }

    /// Whether so many approvers said no, or cannot act any more, that too few are left.
    private func rejection(
        of redemption: StoredOrderPart, _ terms: OrderTerms, _ facts: KnownFacts, _ database: Database
    ) throws -> Refusal? {
        guard terms.approvals > 0 else { return nil }
        let judge = IdentityJudge(facts)
        // Lines count, each by its current identity.
        var able: Set<CID> = []
        for approver in terms.approvers {
            let newest = try judge.newest(of: approver)
            if newest.standing == .current { able.insert(newest.cid) }
        }
        if !terms.requesterMayApprove { able.remove(redemption.from) }
        // An approval that has expired can be given again.
        let given = try OrderPartTable.approvals(of: redemption.cid, at: clock.now, in: database)
        let against = able.intersection(given.filter { $0.decision == .reject }.map(\.from))
        guard able.count - against.count < terms.approvals else { return nil }
        let left = able.count - against.count
        let others = left == 0 ? "nobody else may" : "\(left == 1 ? "one other" : "\(left) others") may"
        let needed = terms.approvals == 1 ? "one approval is needed" : "\(terms.approvals) approvals are needed"
        guard !against.isEmpty else {
            return Refusal(.rejected, "\(needed), and only \(left) of the approvers can act any more", count: 0)
        }
        let no = against.count == 1 ? "1 approver said no" : "\(against.count) approvers said no"
        return Refusal(.rejected, "\(no): \(needed), and \(others) give one", count: against.count)
    }

    /// The open redemption of an order whose fiduciary is here, if nothing can be released to it any more.
    func unanswerable(
        _ record: OrderRecord, _ facts: KnownFacts, _ database: Database
    ) throws -> (redemption: CID, refusal: Refusal)? {
        guard record.state == .requested, let open = record.progress.open,
            try lookup.isHere(record.terms.fiduciary, facts),
            let asked = try OrderPartTable.find(open, in: database),
            let refusal = try refusal(of: asked, in: record, facts, database)
        else { return nil }
        return (open, refusal)
    }
}
