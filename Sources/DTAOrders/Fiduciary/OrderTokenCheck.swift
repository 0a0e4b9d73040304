import CustodyProtocol
import DTACore
import DTASystem
import Foundation
import GRDB
import Logging

/// Compares what the database says about orders' keys with the token.
struct OrderTokenCheck: Sendable {
    let store: Store
    let intents: Intents
    let epochs: EpochAdministration
    let destroyer: SecretDestroyer
    let health: OrderHealth
    let logger: Logger

    /// Takes orders out of use whose key is not on the token, belongs to another owner there, or is destroyed; and
    /// orders whose secret is sealed under a key that is missing.
    func run(_ post: PartPost) throws {
        let custodian = post.custodian
        try destroyer.reconcile(post)
        let findings = try epochs.look(custodian)
        try epochs.tellUnknown()
        var damages = try sealedUnderMissingKeys(findings.missing)
        let rows = try store.read { database in
            // The index serves "greater than empty" but not "is not NULL": most secrets have no key of their own.
            try Row.fetchAll(
                database, sql: "SELECT in_order, object, owner_uid FROM order_secrets WHERE object > x''")
        }
        let token = try TokenCheck(custodian, .order)
        var known = try intents.objects()
        for row in rows {
            let object = try ObjectID([UInt8](row["object"] as Data))
            known.insert(object)
            let order: Int64 = row["in_order"]
            guard let reason = token.damage(object, owner: Owner(uid: try row.whole("owner_uid"), name: "")) else {
                continue
            }
            damages[order] = reason
            logger.error("the key of an order is out of use", metadata: ["order": "\(order)", "why": "\(reason)"])
        }
        health.replace(
            damages: damages, unbound: try store.read { try UnboundCount.rows($0) },
            strangers: Set(token.objects.map(\.id)).subtracting(known))
        token.reportUnknown(except: known, logger)
    }

    /// Why secrets can no longer be opened, by their orders' rows. Logs one line for each key, because one key may have
    /// sealed a thousand secrets.
    private func sealedUnderMissingKeys(_ missing: Set<UInt32>) throws -> [Int64: String] {
        var damages: [Int64: String] = [:]
        for number in missing.sorted() {
            let (orders, isDestroyed) = try store.read { database in
                (
                    try Int64.fetchAll(
                        database, sql: "SELECT in_order FROM order_secrets WHERE epoch = ?",
                        arguments: [Int64(number)]),
                    try Bool.fetchOne(
                        database, sql: "SELECT destroyed IS NOT NULL FROM epochs WHERE number = ?",
                        arguments: [Int64(number)]) ?? false
                )
            }
            guard !orders.isEmpty else { continue }
            let label = OrderEpochs.label(number)
            let reason =
                isDestroyed
                ? "the key \(label) is destroyed, under which it is sealed"
                : "the key \(label) is not on the token, under which it is sealed"
            for order in orders { damages[order] = reason }
            logger.error("orders' secrets are lost", metadata: ["orders": "\(orders.count)", "why": "\(reason)"])
        }
        return damages
    }
}
