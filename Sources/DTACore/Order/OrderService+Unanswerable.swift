import CustodyProtocol
import DTAFormats
import DTASystem
import GRDB

/// Open redemptions to which nothing can be released any more. One that stays open keeps everybody else from asking, so
/// the fiduciary refuses it: by itself where it releases by itself, and in every case when the next one comes.
extension OrderService {
    /// Refuses the open redemption where nothing can be released to it any more.
    /// - Parameter byHand: also of an order that came out of a backup, which waits for a hand.
    /// - Returns: the refusal; nil where there is nothing to refuse, or this host is not the fiduciary's.
    func refuseUnanswerable(_ number: Int64, byHand: Bool = false, _ post: PartPost) throws -> CID? {
        let (record, found) = try store.read { database -> (OrderRecord, (redemption: CID, refusal: Refusal)?) in
            let record = try OrderTable.need(number, in: database)
            guard byHand || record.restored == nil else { return (record, nil) }
            return (record, try redemptions.unanswerable(record, KnownFacts(database: database), database))
        }
        guard let found else { return nil }
        return try refuse(
            OpenedPart(envelopes.verified(found.redemption), .redemption, nil), record, found.refusal, post)
    }

    /// What is next where nothing can be released to any of the redemptions that are open here; nil where something may
    /// be.
    func nextOfUnanswerable(_ record: OrderRecord, _ database: Database) throws -> String? {
        guard record.state == .requested, let open = record.progress.open,
            let asked = try OrderPartTable.find(open, in: database)
        else { return nil }
        let facts = KnownFacts(database: database)
        guard let denial = try redemptions.refusal(of: asked, in: record, facts, database) else { return nil }
        let others = try redemptions.all(record, facts, in: database).filter { $0.cid != open }
        guard try others.allSatisfy({ try redemptions.refusal(of: $0, in: record, facts, database) != nil }) else {
            return nil
        }
        switch denial.code {
        case .rejected where denial.count > 0:
            return "\(denial.count == 1 ? "1 approver" : "\(denial.count) approvers") said no: the fiduciary refuses it"
        case .rejected: return "too few approvers are left: the fiduciary refuses it"
        case .replaced: return "somebody was replaced or revoked since it was asked for: the fiduciary refuses it"
        default: return nil
        }
    }

    // MARK: By itself

    /// How many orders a look goes through, and how often all of them are looked at, in nanoseconds. What makes a
    /// redemption unanswerable need not come with a part of its order: time passes, and identities are revoked.
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
                guard record.restored == nil, record.destroying == nil,
                    try lookup.isHere(record.terms.fiduciary, facts),
                    try rule(record, facts, database)?.releasesByItself == true
                else { return false }
                return try redemptions.unanswerable(record, facts, database) != nil
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
    func refuseFound(_ post: PartPost) throws {
        for number in watch.withLock({ $0.found }) {
            do {
                _ = try refuseUnanswerable(number, post)
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
