import CustodyProtocol
import DTACore
import DTAFormats
import DTAIdentities
import DTASystem
import GRDB
import Logging

/// Destroys epochs' keys that are due, and makes the receipts that say so.
struct EpochKeeper: Sendable {
    let book: OrderBook
    let secrets: OrderSecrets
    let destroyer: SecretDestroyer
    let clock: WallClock
    let logger: Logger

    private var epochs: OrderEpochs { secrets.epochs }
    private var store: Store { book.store }

    func hasWork() throws -> Bool {
        let mayBeDone = epochs.unknown.isEmpty
        return try store.read { database in
            try Bool.fetchOne(
                database,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM epochs WHERE destroyed IS NULL AND destroy_at <= ?)
                    OR (? AND EXISTS (
                      SELECT 1 FROM order_destructions JOIN epochs ON epochs.number = order_destructions.epoch
                      WHERE done = 0 AND destroyed IS NOT NULL))
                    """, arguments: [clock.now, mayBeDone]) ?? false
        }
    }

    /// Does a round of what is due: seals an epoch's remaining secrets again, then destroys its key, then makes the
    /// receipts. Each step can be repeated.
    func work(_ post: PartPost) throws {
        let due = try store.read { database in
            try Int64.fetchAll(
                database,
                sql: """
                    SELECT number FROM epochs WHERE destroyed IS NULL AND destroy_at <= ? AND number BETWEEN 1 AND ?
                    ORDER BY number LIMIT 8
                    """, arguments: [clock.now, Int64(EpochNumber.last)])
        }
        for stored in due {
            let number = try OrderEpochs.number(stored)
            // An epoch that is not empty yet keeps only its own key.
            guard try secrets.reseal(number, post.custodian) else { continue }
            CrashPoint.reach(.orderEpochEmptied)
            // The log must not hold the old sealed secrets when the key goes.
            try store.truncateLog()
            try epochs.follow(number, post.custodian)
            try epochs.drop(number, post.custodian)
            CrashPoint.reach(.orderEpochDestroyed)
            try store.write { database in
                try database.execute(
                    sql: "UPDATE epochs SET destroyed = ? WHERE number = ?", arguments: [clock.now, stored])
            }
            logger.notice("an epoch's key is destroyed", metadata: ["key": "\(OrderEpochs.label(number))"])
        }
        try sayDone(post)
    }

    /// The receipts that say that keys are destroyed. If one cannot be made, the others are made all the same.
    private func sayDone(_ post: PartPost) throws {
        // A copy may be sealed under an unknown key: then this host cannot say that all copies are gone.
        guard epochs.unknown.isEmpty else { return }
        var (after, done): (Int64, Int) = (0, 0)
        var hasFailed = false
        while done < OrderSecrets.round {
            let due = try store.read { database in
                try Row.fetchAll(
                    database,
                    sql: """
                        SELECT in_order, epoch FROM order_destructions JOIN epochs ON epochs.number = epoch
                        WHERE done = 0 AND destroyed IS NOT NULL AND in_order > ? ORDER BY in_order LIMIT ?
                        """, arguments: [after, OrderSecrets.round])
            }
            guard let last = due.last else { return }
            after = last["in_order"]
            for row in due {
                do {
                    try sayDone(row["in_order"], epoch: OrderEpochs.number(row["epoch"]), post)
                    done += 1
                } catch let error as DTAError where error.code != .unavailable {
                    defer { hasFailed = true }
                    // One log line a round.
                    guard !hasFailed else { continue }
                    logger.error(
                        "a receipt that a secret is destroyed cannot be made",
                        metadata: ["order": "\(row["in_order"] as Int64)", "why": "\(error)"])
                }
            }
        }
    }

    private func sayDone(_ number: Int64, epoch: UInt32, _ post: PartPost) throws {
        let record = try book.order(number)
        func close(_ database: Database) throws {
            try database.execute(
                sql: "UPDATE order_destructions SET done = 1 WHERE in_order = ?", arguments: [number])
        }
        let actor: IdentityRecord
        do {
            actor = try book.lookup.fiduciary(of: record)
        } catch let error as DTAError where error.code == .failedPrecondition {
            logger.warning(
                "no identity here can sign the receipt of a destruction", metadata: ["order": "\(record.cid)"])
            return try store.write(close)
        }
        let letter = try destroyer.receipt(
            record, .done, epoch: epoch, key: OrderEpochs.label(epoch), from: actor, post)
        try book.add(letter, by: actor.owner, in: number, also: close)
    }
}
