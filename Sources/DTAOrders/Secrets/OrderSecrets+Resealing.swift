import CustodyProtocol
import DTABytes
import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// Seals the secrets of an epoch again under another key, because their key must be destroyed.
extension OrderSecrets {
    /// How many secrets one round seals again, so that other requests do not wait long for the HSM.
    static let round = 64

    /// Seals a round of an epoch's secrets again. A secret that does not open is lost. If its key is there, the key is
    /// kept until the time that `reseal_within_s` gives is over, because a backup may have an intact row. A secret that
    /// fails for another reason is tried again in the next round.
    /// - Returns: whether none of the epoch's secrets is left.
    /// - Throws: if the HSM is away.
    func reseal(_ number: UInt32, _ custodian: any Custodian) throws -> Bool {
        var (after, done): (Int64, Int) = (0, 0)
        var isEmpty = true
        let ends = try store.read { database in
            try Int64.fetchOne(
                database, sql: "SELECT destroy_at FROM epochs WHERE number = ?", arguments: [Int64(number)])
        }
        // A damaged row may give a time in the future: that counts as now.
        let latest = min(max(ends ?? 0, 0), clock.now) + (resealWithin - resealWithin / 2)
        let mayBeRepaired = !epochs.isMissing(number) && clock.now < latest
        while done < OrderSecrets.round {
            let rows = try store.read { database in
                try Row.fetchAll(
                    database,
                    sql: """
                        SELECT in_order, blob, order_secrets.owner_uid AS owner, is_state, cid FROM order_secrets
                        JOIN orders ON orders.number = in_order
                        WHERE epoch = ? AND in_order > ? AND state != 'destroyed' AND destroying IS NULL
                        ORDER BY in_order LIMIT ?
                        """, arguments: [Int64(number), after, OrderSecrets.round])
            }
            guard let last = rows.last else { return isEmpty }
            after = last["in_order"]
            for row in rows {
                let order: Int64 = row["in_order"]
                // Its damage is known: try it again only when the time is over.
                if mayBeRepaired, health.damage(of: order) != nil {
                    isEmpty = false
                    continue
                }
                // Outside the `do`: a fault of the new key does not mean that the order's secret is lost.
                _ = try epochs.current(custodian)
                do {
                    try reseal(row, custodian)
                    done += 1
                } catch let error as DTAError where error.code == .dataLoss {
                    if mayBeRepaired { isEmpty = false }
                    guard health.note(damage: error.message, of: order) == nil else { continue }
                    logger.error(
                        "an order's secret is lost",
                        metadata: [
                            "order": "\(order)", "why": "\(error)",
                            "key_kept_until":
                                "\(mayBeRepaired ? UTCTime.text(latest) : "now")",
                        ])
                } catch let error as DTAError where error.code != .unavailable {
                    // One log line a round: the next comes soon.
                    if isEmpty {
                        logger.error(
                            "an order's secret cannot be sealed again",
                            metadata: ["order": "\(order)", "why": "\(error)"])
                    }
                    isEmpty = false
                }
            }
        }
        return false
    }

    private func reseal(_ row: Row, _ custodian: any Custodian) throws {
        let (order, blob): (Int64, Data) = (row["in_order"], row["blob"])
        let (cid, owner) = (try CID(row: row["cid"]), ObjectOwner(uid: try row.whole("owner")))
        let (old, isState) = ([UInt8](blob), row["is_state"] as Bool)
        let (sealed, new) = try epochs.sealing(custodian) { epoch in
            let sealed =
                isState
                ? try custodian.ask(ResealOrderState(sealed: old, order: cid, owner: owner, epoch: epoch))
                : try custodian.ask(ResealOrder(sealed: old, order: cid, owner: owner, epoch: epoch))
            return (sealed, epoch)
        }
        try store.write { database in
            try database.execute(
                sql: "UPDATE order_secrets SET blob = ?, epoch = ? WHERE in_order = ? AND blob = ?",
                arguments: [Data(sealed), Int64(new), order, blob])
            // It may have been destroyed meanwhile.
            if database.changesCount == 1 { try epochs.use(new, in: database) }
        }
        CrashPoint.reach(.orderEpochResealed)
    }
}
