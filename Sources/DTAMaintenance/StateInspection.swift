import CustodyProtocol
import DTACore
import DTAOrders
import DTASystem
import Foundation
import GRDB
import Glibc

/// Compares the database of a state directory with the token, without taking the directory: for `dtad check`, whether
/// or not an agent runs.
package struct StateInspection: Sendable {
    /// How many keys and identities the database names.
    package let keys: Int
    package let identities: Int
    /// How many orders have a key of their own on the token.
    package let orderKeys: Int
    /// The keys that an administrator must bind before they are used.
    package let unbound: UnboundCount
    /// Why keys cannot be used, as sentences.
    package let damages: [String]
    /// The epochs on the token that the database does not name, and those that it says are destroyed.
    package let unknownEpochs: [UInt32]
    package let returnedEpochs: [UInt32]

    /// - Returns: nil if there is no database yet.
    /// - Throws: `DTAError` if the database or the token cannot be read.
    package init?(state: String, custodian: any Custodian) throws {
        let path = "\(state)/\(BackupManifest.databaseName)"
        guard try StateTree(state).databaseSize() != nil else { return nil }
        try StateSnapshot.checkInUse(path)
        let named:
            (
                keys: [Named], identities: [Named], orders: [Named], epochs: [Epoch], unbound: UnboundCount
            )
        do {
            named = try DatabaseQueue(path: path, configuration: StateSnapshot.readOnly).read { database in
                (
                    try Named.all(database, "keys", ["object"]),
                    try Named.all(database, "identities", ["signing_object", "kem_object"]),
                    try Named.orders(database), try StateInspection.epochs(database), try UnboundCount(database)
                )
            }
        } catch {
            throw StoreError.opening(path, error)
        }
        keys = named.keys.count
        identities = named.identities.count
        orderKeys = named.orders.count
        unbound = named.unbound
        let user = try TokenCheck(custodian, .user)
        let signing = try TokenCheck(custodian, .identitySigning)
        let kem = try TokenCheck(custodian, .identityKEM)
        let order = try TokenCheck(custodian, .order)
        let epochs = try custodian.ask(ListEpochs())
        damages =
            named.keys.compactMap { key in key.damage([user]).map { "key \(quoted(key.name)): \($0)" } }
            + named.identities.compactMap { identity in
                identity.damage([signing, kem]).map { "identity \(quoted(identity.name)): \($0)" }
            }
            + named.orders.compactMap { key in key.damage([order]).map { "order \(key.name): \($0)" } }
            + named.epochs.filter { $0.orders > 0 && !epochs.contains($0.number) }.map { epoch in
                "key \(OrderEpochs.label(epoch.number)): it is not on the token, and the secrets of \(epoch.orders) orders "
                    + "are sealed under it"
            }
        unknownEpochs = epochs.subtracting(named.epochs.map(\.number)).sorted()
        returnedEpochs = named.epochs.filter { $0.isDestroyed && epochs.contains($0.number) }.map(\.number)
    }

    /// An epoch, and how many secrets are sealed under its key.
    private struct Epoch {
        let number: UInt32
        let orders: Int
        let isDestroyed: Bool
    }

    private static func epochs(_ database: Database) throws -> [Epoch] {
        guard try database.tableExists("order_secrets") else { return [] }
        return try Row.fetchAll(
            database,
            sql: """
                SELECT number, destroyed IS NOT NULL AS is_destroyed,
                  (SELECT count(*) FROM order_secrets WHERE epoch = epochs.number) AS orders
                FROM epochs ORDER BY number
                """
        ).map { Epoch(number: try $0.whole("number"), orders: $0["orders"], isDestroyed: $0["is_destroyed"]) }
    }

    /// A row with its objects on the token.
    private struct Named {
        let name: String
        let owner: Owner
        let objects: [ObjectID]

        /// The database may be of a version that lacks the table.
        static func all(_ database: Database, _ table: String, _ columns: [String]) throws -> [Named] {
            guard try database.tableExists(table) else { return [] }
            return try Row.fetchAll(database, sql: "SELECT * FROM \(table) ORDER BY name").map { row in
                Named(
                    name: row["name"], owner: Owner(uid: try row.whole("owner_uid"), name: row["owner_name"]),
                    objects: try columns.map { try ObjectID([UInt8](row[$0] as Data)) })
            }
        }

        /// The keys of orders that are used in place.
        static func orders(_ database: Database) throws -> [Named] {
            guard try database.tableExists("order_secrets") else { return [] }
            return try Row.fetchAll(
                database,
                sql: """
                    SELECT reference, object, order_secrets.owner_uid AS uid FROM order_secrets
                    JOIN orders ON orders.number = in_order WHERE object IS NOT NULL ORDER BY reference
                    """
            ).map { row in
                Named(
                    name: row["reference"], owner: Owner(uid: try row.whole("uid"), name: ""),
                    objects: [try ObjectID([UInt8](row["object"] as Data))])
            }
        }

        func damage(_ checks: [TokenCheck]) -> String? {
            zip(objects, checks).lazy.compactMap { object, check in check.damage(object, owner: owner) }.first
        }
    }
}
