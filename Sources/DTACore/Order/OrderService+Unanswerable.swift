import CustodyProtocol
import DTAFormats
import DTASystem
import GRDB

/// Open redemptions to which nothing can be released any more. One that stays open keeps everybody else from asking, so the
/// fiduciary refuses it: by itself where it releases by itself, and in every case when the next one comes.
extension OrderService {
    /// Why nothing can be released to a redemption any more, as far as is known here; nil where something may be.
    func unanswerable(
        _ redemption: StoredOrderPart, in record: OrderRecord, _ facts: KnownFacts, _ database: Database
    ) throws -> OrderDenial? {
        func name(_ cid: CID) -> String { identities.display(cid) }
        if try !isCurrent(redemption.from, in: database) {
            let standing = try identities.standing(redemption.from, in: database)?.name ?? "unknown"
            return OrderDenial(
                .replaced, "\(name(redemption.from)) asked for it, and is known here as \(standing) by now")
        }
        let terms = record.terms
        if let end = terms.notAfter, clock.now > end, let late = times(terms) { return late }
        let recipient = try IdentityJudge(facts).newest(of: terms.recipient)
        if recipient.standing == .revoked {
            return OrderDenial(.replaced, "\(name(recipient.cid)), who would get it, is known here as revoked by now")
        }
        return try rejection(of: redemption, terms, facts, database)
    }

    /// Whether so many approvers said no, or cannot act any more, that the others are too few.
    private func rejection(
        of redemption: StoredOrderPart, _ terms: OrderTerms, _ facts: KnownFacts, _ database: Database
    ) throws -> OrderDenial? {
        guard terms.approvals > 0 else { return nil }
        let judge = IdentityJudge(facts)
        // Lines count, each by the one who is current.
        var able: Set<CID> = []
        for approver in terms.approvers {
            let newest = try judge.newest(of: approver)
            if newest.standing == .current { able.insert(newest.cid) }
        }
        if !terms.requesterMayApprove { able.remove(redemption.from) }
        // A word that has expired can be given again.
        let given = try OrderPartTable.approvals(of: redemption.cid, at: clock.now, in: database)
        let against = able.intersection(given.filter { $0.decision == .reject }.map(\.from))
        guard able.count - against.count < terms.approvals else { return nil }
        let left = able.count - against.count
        let others = left == 0 ? "nobody else may" : "\(left == 1 ? "one other" : "\(left) others") may"
        let needed = terms.approvals == 1 ? "one approval is needed" : "\(terms.approvals) approvals are needed"
        guard !against.isEmpty else {
            return OrderDenial(
                .rejected, "\(needed), and only \(left) of the approvers can act any more", count: 0)
        }
        let no = against.count == 1 ? "1 approver said no" : "\(against.count) approvers said no"
        return OrderDenial(.rejected, "\(no): \(needed), and \(others) give one", count: against.count)
    }

    /// Refuses the open redemption where nothing can be released to it any more.
    /// - Parameter byHand: also of an order that came out of a backup, which waits for a hand.
    /// - Returns: the refusal; nil where there is nothing to refuse, or this host is not the fiduciary's.
    func refuseUnanswerable(_ number: Int64, byHand: Bool = false, _ custodian: any Custodian) throws -> CID? {
        let (record, denial) = try store.read { database -> (OrderRecord, OrderDenial?) in
            let record = try OrderTable.need(number, in: database)
            let facts = KnownFacts(database: database)
            guard record.state == .requested, let open = record.progress.open, byHand || record.restored == nil,
                try isFiduciaryHere(record.terms, facts), let asked = try OrderPartTable.find(open, in: database)
            else { return (record, nil) }
            return (record, try unanswerable(asked, in: record, facts, database))
        }
        guard let denial, let open = record.progress.open else { return nil }
        let letter = OrderLetter(
            signed: try envelopes.verified(open), kind: .redemption, part: nil, standing: Standing.current.name)
        return try refuse(letter, record, denial, custodian)
    }

    /// What is next where nothing can be released to any of the redemptions that are open here; nil where something may be.
    func nextOfUnanswerable(_ record: OrderRecord, _ database: Database) throws -> String? {
        guard record.state == .requested, let open = record.progress.open,
            let asked = try OrderPartTable.find(open, in: database)
        else { return nil }
        let facts = KnownFacts(database: database)
        guard let denial = try unanswerable(asked, in: record, facts, database) else { return nil }
        let others = try candidates(record, facts, in: database).filter { $0.cid != open }
        guard try others.allSatisfy({ try unanswerable($0, in: record, facts, database) != nil }) else { return nil }
        switch denial.code {
        case .rejected where denial.count > 0:
            return "\(denial.count == 1 ? "1 approver" : "\(denial.count) approvers") said no: the fiduciary refuses it"
        case .rejected: return "too few approvers are left: the fiduciary refuses it"
        case .replaced: return "somebody was replaced or revoked since it was asked for: the fiduciary refuses it"
        default: return nil
        }
    }

    // MARK: By itself

    /// How many orders a look goes through, and how often all of them are looked at, in nanoseconds. What makes a redemption
    /// unanswerable need not come with a part of its order: time passes, and identities are revoked.
    private static let lookedAt = 256
    private static let lookInterval: UInt64 = 5_000_000_000

    /// Where the look at open redemptions stands.
    struct Watch: Sendable {
        var place: (updated: Int64, number: Int64) = (-1, 0)
        /// Of the monotonic clock.
        var next: UInt64 = 0
        /// Those that are to be refused.
        var found: [Int64] = []
        /// Those that could not be refused: once is enough to try.
        var failed: Set<Int64> = []
    }

    /// Whether there are open redemptions that this host is to refuse by itself. Looks through some more orders.
    func findsUnanswerable() throws -> Bool {
        let (place, next, isWaiting) = watch.withLock { ($0.place, $0.next, !$0.found.isEmpty) }
        if isWaiting { return true }
        guard monotonicNanoseconds() >= next else { return false }
        let (found, last) = try store.read { database -> ([Int64], (Int64, Int64)?) in
            let facts = KnownFacts(database: database)
            let rows = try Row.fetchAll(
                database.cachedStatement(
                    sql: """
                        SELECT updated, in_order FROM order_views
                        WHERE identity = ? AND state = 'requested' AND (updated, in_order) > (?, ?)
                        ORDER BY updated, in_order LIMIT \(OrderService.lookedAt)
                        """), arguments: [OrderTable.everybody, place.updated, place.number])
            let found = try rows.map { $0["in_order"] as Int64 }.filter { number in
                let record = try OrderTable.need(number, in: database)
                guard let open = record.progress.open, record.restored == nil, record.destroying == nil,
                    try isFiduciaryHere(record.terms, facts),
                    try rule(record, facts, database)?.releasesByItself == true,
                    let asked = try OrderPartTable.find(open, in: database)
                else { return false }
                return try unanswerable(asked, in: record, facts, database) != nil
            }
            let isEnd = rows.count < OrderService.lookedAt
            return (found, isEnd ? nil : rows.last.map { ($0["updated"], $0["in_order"]) })
        }
        return watch.withLock { watch in
            watch.found = found.filter { !watch.failed.contains($0) }
            watch.place = last ?? (-1, 0)
            watch.next = last == nil ? monotonicNanoseconds() + OrderService.lookInterval : 0
            return !watch.found.isEmpty
        }
    }

    /// Refuses what was found.
    func refuseFound(_ custodian: any Custodian) throws {
        for number in watch.withLock({ $0.found }) {
            do {
                _ = try refuseUnanswerable(number, custodian)
            } catch let error as DTAError where error.code != .unavailable {
                watch.withLock { _ = $0.failed.insert(number) }
                logger.warning(
                    "a redemption that nobody can answer cannot be refused",
                    metadata: ["order": "\(number)", "why": "\(error)"])
            }
        }
        watch.withLock { $0.found = [] }
    }
}
