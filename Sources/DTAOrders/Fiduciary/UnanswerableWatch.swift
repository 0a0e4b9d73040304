import CustodyProtocol
import DTAFormats
import DTAIdentities
import DTASystem
import GRDB
import Logging

/// Looks for open redemptions to which nothing can be released any more, and refuses them if the fiduciary releases
/// automatically. While such a redemption is open, the fiduciary takes up no other.
final class UnanswerableWatch: Sendable {
    private let book: OrderBook
    private let rules: OrderRules
    private let refusals: RefusalMaker
    private let logger: Logger
    private let watch = Locked(Watch())

    init(book: OrderBook, rules: OrderRules, refusals: RefusalMaker, logger: Logger) {
        self.book = book
        self.rules = rules
        self.refusals = refusals
        self.logger = logger
    }

    /// How many orders one look reads, and how often all of them are read, in nanoseconds. A redemption can become
    /// unanswerable without a part of its order: time passes, and identities are revoked.
    private static let lookedAt = 256
    private static let lookInterval: UInt64 = 5_000_000_000

    /// How far the look at open redemptions has got.
    private struct Watch: Sendable {
        var place: (updated: Int64, number: Int64) = (-1, 0)
        /// Of the monotonic clock.
        var next: UInt64 = 0
        /// Those that must be refused.
        var found: [Int64] = []
        /// Those that could not be refused: they are not tried again.
        var failed: Set<Int64> = []
    }

    /// Whether this host must refuse open redemptions by itself. Looks through some more orders.
    func hasWork() throws -> Bool {
        let (place, next, isWaiting) = watch.withLock { ($0.place, $0.next, !$0.found.isEmpty) }
        if isWaiting { return true }
        guard monotonicNanoseconds() >= next else { return false }
        let (found, last) = try book.store.read { database -> ([Int64], (Int64, Int64)?) in
            let facts = KnownFacts(database: database)
            let rows = try Row.fetchAll(
                database.cachedStatement(
                    sql: """
                        SELECT updated, in_order FROM order_views
                        WHERE identity = ? AND state = 'requested' AND (updated, in_order) > (?, ?)
                        ORDER BY updated, in_order LIMIT \(UnanswerableWatch.lookedAt)
                        """), arguments: [OrderTable.everybody, place.updated, place.number])
            let found = try rows.map { $0["in_order"] as Int64 }.filter { number in
                let record = try OrderTable.need(number, in: database)
                guard record.restored == nil, record.destroying == nil,
                    try book.lookup.isHere(record.terms.fiduciary, facts),
                    try rule(record, facts, database)?.releasesByItself == true
                else { return false }
                return try book.redemptions.unanswerable(record, facts, database) != nil
            }
            let isEnd = rows.count < UnanswerableWatch.lookedAt
            return (found, isEnd ? nil : rows.last.map { ($0["updated"], $0["in_order"]) })
        }
        return watch.withLock { watch in
            watch.found = found.filter { !watch.failed.contains($0) }
            watch.place = last ?? (-1, 0)
            watch.next = last == nil ? monotonicNanoseconds() + UnanswerableWatch.lookInterval : 0
            return !watch.found.isEmpty
        }
    }

    /// The rule of this host that accepts an order; nil: none does.
    private func rule(_ record: OrderRecord, _ facts: KnownFacts, _ database: Database) throws -> OrderRules.Rule? {
        guard let principal = try book.blocks.identity(record.terms.principal, in: database) else { return nil }
        return rules.rule(for: record.kind, from: try book.lookup.identities.known(principal, facts))
    }

    /// Refuses the redemptions that were found.
    func work(_ post: PartPost) throws {
        for number in watch.withLock({ $0.found }) {
            do {
                _ = try refusals.refuseUnanswerable(number, post)
            } catch let error as DTAError where error.code != .unavailable {
                watch.withLock { _ = $0.failed.insert(number) }
                logger.warning(
                    "refusing a redemption that can no longer be answered has failed",
                    metadata: ["order": "\(number)", "why": "\(error)"])
            }
        }
        watch.withLock { $0.found = [] }
    }
}
