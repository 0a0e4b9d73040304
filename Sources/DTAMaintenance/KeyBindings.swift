import CustodyProtocol
import DTACore
import DTAFormats
import DTAIdentities
import DTAOrders
import DTASystem
import Foundation
import GRDB

/// The work of `dtad bindings` on a state on which no agent runs: it exports the keys with sealed blobs in the state,
/// and imports the result of `dtad-hsm --bind-order-keys`.
package final class KeyBindings {
    /// Held as long as this value: no agent can have the state meanwhile.
    private let state: StateDirectory
    private let store: Store

    /// - Throws: `DTAError.failedPrecondition` if an agent runs on the state.
    package init(state path: String) throws {
        state = try StateDirectory(path)
        store = try Store(directory: path)
    }

    /// How many keys must be bound.
    package func count() throws -> UnboundCount { try store.read(UnboundCount.init) }

    /// All keys of orders, bound ones too, because they tell to which order a key belongs; and all identities.
    package func export() throws -> UnboundKeys {
        try store.read { database in
            var keys = UnboundKeys()
            keys.orders = try Row.fetchAll(
                database,
                sql: """
                    SELECT cid, order_secrets.owner_uid AS owner, blob FROM order_secrets
                    JOIN orders ON orders.number = in_order WHERE object IS NOT NULL ORDER BY in_order
                    """
            ).map { row in
                UnboundKeys.OrderKey(
                    order: [UInt8](row["cid"] as Data), owner: ObjectOwner(uid: row["owner"]),
                    sealed: [UInt8](row["blob"] as Data))
            }
            keys.identities = try Row.fetchAll(
                database,
                sql: """
                    SELECT identities.*, blocks.bytes AS document FROM identities
                    JOIN blocks ON blocks.cid = identities.cid ORDER BY identities.number
                    """
            ).map { row in
                let record = try IdentityRecord(row)
                return UnboundKeys.Identity(
                    recipient: record.recipientKey, signing: record.signingObject,
                    document: [UInt8](row["document"] as Data), postQuantum: record.keys.postQuantum)
            }
            return keys
        }
    }

    /// Replaces old blobs by new ones: each only if the old one is still there; all in one transaction. The bindings
    /// are kept for the audit log: the next start records them.
    /// - Returns: how many were replaced, and how many belong to something that the state no longer has.
    package func take(_ bound: BoundKeys) throws -> (taken: Int, stale: Int) {
        guard bound.bindings.allSatisfy({ $0.new.first == 2 }) else {
            throw DTAError(.invalidArgument, "what is to be taken in is not bound to keys")
        }
        return try store.write { database in
            var (taken, stale) = (0, 0)
            for binding in bound.bindings {
                let (new, old, subject) = (Data(binding.new), Data(binding.old), Data(binding.subject))
                switch binding.kind {
                case .order:
                    try database.execute(
                        sql: """
                            UPDATE order_secrets SET blob = ?
                            WHERE blob = ? AND in_order = (SELECT number FROM orders WHERE cid = ?)
                            """, arguments: [new, old, subject])
                case .identity:
                    try database.execute(
                        sql: "UPDATE identities SET pq_seed = ? WHERE pq_seed = ? AND cid = ?",
                        arguments: [new, old, subject])
                }
                guard database.changesCount == 1 else {
                    stale += 1
                    continue
                }
                taken += 1
                try database.execute(
                    sql: "INSERT INTO key_bindings (kind, subject, key, bound) VALUES (?, ?, ?, ?)",
                    arguments: [
                        Int64(binding.kind.rawValue), subject, Data(binding.key), unixMicroseconds() / 1_000_000,
                    ])
            }
            return (taken, stale)
        }
    }
}
