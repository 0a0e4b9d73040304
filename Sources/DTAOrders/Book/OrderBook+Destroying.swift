import DTAFormats
import DTASystem
import GRDB

/// What the database records about the end of an order, beside its parts.
extension OrderBook {
    /// Records the decision to destroy an order's secret: from now on nothing else is done with the order.
    func decideDestruction(of record: OrderRecord) throws {
        try store.write { database in
            try database.execute(
                sql: "UPDATE orders SET destroying = coalesce(destroying, ?) WHERE number = ? AND state != 'destroyed'",
                arguments: [clock.now, record.number])
        }
    }

    /// As part of the transaction that stores the receipt.
    func endDestruction(of number: Int64, in database: Database) throws {
        try database.execute(sql: "UPDATE orders SET destroying = NULL WHERE number = ?", arguments: [number])
    }

    /// The orders whose destruction is decided and not finished.
    func unfinishedDestructions() throws -> [OrderRecord] {
        try store.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM orders WHERE destroying IS NOT NULL AND state != 'destroyed' ORDER BY number"
            ).map(OrderRecord.init)
        }
    }

    /// The last receipt that says that an order's secret is destroyed, is signed as this host's fiduciary, and was not
    /// made here; nil: there is none.
    func broughtReceipt(of record: OrderRecord) throws -> StoredOrderPart? {
        try store.read { try OrderPartTable.broughtReceipt(of: record.number, in: $0) }
    }

    /// Accepts a receipt of this host's own that came back, with what it says.
    /// - Parameter also: writes more in the same transaction.
    func adopt(_ brought: StoredOrderPart, also: (Database) throws -> Void) throws {
        try store.write { database in
            var record = try OrderTable.need(brought.order, in: database)
            var step = OrderStep(kind: .destruction, cid: brought.cid, previous: brought.previous)
            step.isFiduciaryHere = true
            step.isMadeHere = true
            guard case .accepted(let progress) = OrderTransition.judge(record.progress, step) else {
                throw DTAError(.failedPrecondition, "the receipt \(brought.cid) does not follow the order's part 2")
            }
            record.progress = progress
            record.reason = ""
            try database.execute(
                sql: "UPDATE order_parts SET status = 'accepted', reason = '' WHERE number = ?",
                arguments: [brought.number])
            try OrderTable.save(&record, now: clock.now, in: database)
            try also(database)
        }
    }

    /// A person has compared an order that came out of a backup, and decided about it: from now on the rules apply to
    /// it again.
    func noteCompared(_ record: OrderRecord) throws {
        guard record.restored != nil else { return }
        try store.write { database in
            try database.execute(sql: "UPDATE orders SET restored = NULL WHERE number = ?", arguments: [record.number])
        }
        journal.logger.notice("a restored order goes on", metadata: ["order": "\(record.cid)"])
    }
}

extension OrderPartTable {
    /// The last receipt that says that an order's secret is destroyed, is signed as this host's fiduciary, and was not
    /// made here: a person must decide what it is.
    static func broughtReceipt(of order: Int64, in database: Database) throws -> StoredOrderPart? {
        try Row.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT * FROM order_parts WHERE in_order = ? AND kind = ? AND status = 'evidence'
                    ORDER BY number DESC LIMIT 1
                    """), arguments: [order, OrderPartKind.destruction.rawValue]
        ).map(StoredOrderPart.init)
    }
}
