import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// The rows of orders. Every change of an order is one transaction with the parts that cause it.
enum OrderTable {
    static func find(_ cid: CID, in database: Database) throws -> OrderRecord? {
        try Row.fetchOne(
            database.cachedStatement(sql: "SELECT * FROM orders WHERE cid = ?"), arguments: [cid.column]
        ).map(OrderRecord.init)
    }

    static func find(_ number: Int64, in database: Database) throws -> OrderRecord? {
        try Row.fetchOne(
            database.cachedStatement(sql: "SELECT * FROM orders WHERE number = ?"), arguments: [number]
        ).map(OrderRecord.init)
    }

    /// An order that must exist.
    static func need(_ number: Int64, in database: Database) throws -> OrderRecord {
        guard let record = try find(number, in: database) else {
            throw DTAError(.internal, "the order in row \(number) is gone")
        }
        return record
    }

    /// The orders whose reference is, or begins with, some letters; at most 64.
    static func find(reference: String, in database: Database) throws -> [OrderRecord] {
        // "~" comes after all letters and digits.
        try Row.fetchAll(
            database.cachedStatement(
                sql: "SELECT * FROM orders WHERE reference >= ? AND reference < ? ORDER BY reference LIMIT 64"),
            arguments: [reference, reference + "~"]
        ).map(OrderRecord.init)
    }

    /// The orders of a thread; at most 64.
    static func find(thread: [UInt8], in database: Database) throws -> [OrderRecord] {
        try Row.fetchAll(
            database.cachedStatement(sql: "SELECT * FROM orders WHERE thread = ? LIMIT 64"), arguments: [Data(thread)]
        ).map(OrderRecord.init)
    }

    /// Adds an order whose part 1 is here.
    /// - Parameters: `limit`: how many one user may make or bring; `isNew`: whether it is made here just now; `now`:
    ///   Unix seconds.
    static func insert(
        _ header: Envelope.Header, _ cid: CID, kind: String, terms: OrderTerms, owner: Owner, limit: Int, isNew: Bool,
        now: Int64, in database: Database
    ) throws -> OrderRecord {
        // An earlier check refuses such a part; this one catches parts that come at the same moment.
        if let other = try find(thread: header.thread, in: database).first(where: {
            $0.terms.principal == terms.principal
        }) {
            throw DTAError(
                .failedPrecondition, "the order \(cid) begins in the thread of order \(other.cid)",
                hint: "each order has a thread of its own: order again")
        }
        try charge(owner, limit: limit, database)
        let restored =
            isNew ? nil : try RestoredOrders.mayHaveLost(created: header.created, now: now, in: database)
        let plain = try explaining("the terms cannot be stored") { try Order(kind: kind, terms: terms).encoded() }
        let reference = try explaining("the order has no thread") { try OrderReference(thread: header.thread) }
        try database.cachedStatement(
            sql: """
                INSERT INTO orders (cid, thread, reference, type, state, reason, terms, uses, created, updated, owner_uid,
                  owner_name, restored) VALUES (?, ?, ?, ?, 'ordered', '', ?, 0, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            cid.column, Data(header.thread), reference.description, kind, Data(plain), header.created, now,
            Int64(owner.uid), owner.name, restored,
        ])
        let record = try need(database.lastInsertedRowID, in: database)
        try addViews(of: record, in: database)
        return record
    }

    private static func charge(_ owner: Owner, limit: Int, _ database: Database) throws {
        let count = try Int.fetchOne(
            database.cachedStatement(
                sql: """
                    INSERT INTO order_usage (owner_uid, owner_name, count) VALUES (?, ?, 1)
                    ON CONFLICT (owner_uid, owner_name) DO UPDATE SET count = count + 1 RETURNING count
                    """), arguments: [Int64(owner.uid), owner.name])
        guard let count, count > limit, owner != .agent else { return }
        throw DTAError(
            .resourceExhausted, "user \(owner.display) has made or brought \(limit) orders here, and that is the limit",
            hint: "an administrator can raise orders.orders_per_user in dtad.yaml")
    }

    /// Stops counting an order that was refused.
    static func relieve(_ order: Int64, in database: Database) throws {
        try database.execute(
            sql: """
                UPDATE order_usage SET count = max(0, count - 1) WHERE (owner_uid, owner_name) =
                  (SELECT owner_uid, owner_name FROM orders WHERE number = ?)
                """, arguments: [order])
    }

    /// Stores a changed order.
    /// - Parameter now: Unix seconds.
    static func save(_ record: inout OrderRecord, now: Int64, in database: Database) throws {
        record.updated = now
        let progress = record.progress
        try database.cachedStatement(
            sql: """
                UPDATE orders SET state = ?, reason = ?, uses = ?, commitment = ?, public = ?, proof = ?, head = ?, open = ?,
                  deposit = ?, updated = ? WHERE number = ?
                """
        ).execute(arguments: [
            progress.state.rawValue, record.reason, progress.uses, progress.commitment?.column,
            record.publicKey.isEmpty ? nil : Data(record.publicKey), record.proof.isEmpty ? nil : Data(record.proof),
            progress.head?.column, progress.open?.column, progress.deposit?.column, record.updated, record.number,
        ])
        try database.cachedStatement(sql: "UPDATE order_views SET state = ?, updated = ? WHERE in_order = ?")
            .execute(arguments: [progress.state.rawValue, record.updated, record.number])
    }

    // MARK: Who has a part in it

    /// Stands for administrators, who see all orders.
    static let everybody: Int64 = 0

    private static func addViews(of record: OrderRecord, in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO order_views (identity, in_order, roles, state, created, updated) VALUES (?, ?, ?, ?, ?, ?)
                """)
        func add(_ identity: Int64, _ roles: OrderRoles) throws {
            try statement.execute(arguments: [
                identity, record.number, roles.rawValue, record.state.rawValue, record.created, record.updated,
            ])
        }
        try add(everybody, [])
        for party in record.terms.parties {
            try add(identity(party, in: database), OrderRoles(of: party, in: record.terms))
        }
    }

    /// The small number of an identity; gives it one if it has none.
    private static func identity(_ cid: CID, in database: Database) throws -> Int64 {
        if let known = try knownIdentity(cid, in: database) { return known }
        try database.execute(sql: "INSERT INTO order_identities (cid) VALUES (?)", arguments: [cid.column])
        return database.lastInsertedRowID
    }

    /// The small number of an identity; nil if it has a part in no order.
    static func knownIdentity(_ cid: CID, in database: Database) throws -> Int64? {
        try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT id FROM order_identities WHERE cid = ?"), arguments: [cid.column])
    }

    // MARK: What the ledger must keep

    /// Whether a block is a part of an order that is not over, or that still lacks its last receipt.
    static func holds(_ cid: CID, in database: Database) throws -> Bool {
        let row = try Row.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT orders.state, done FROM order_parts JOIN orders ON orders.number = order_parts.in_order
                    LEFT JOIN order_destructions ON order_destructions.in_order = orders.number
                    WHERE order_parts.cid = ? AND order_parts.status != 'refused'
                    """), arguments: [cid.column])
        guard let row else { return false }
        return (row["done"] as Int?) == 0 || OrderState(rawValue: row["state"])?.isOver == false
    }
}
