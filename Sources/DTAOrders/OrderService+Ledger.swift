import DTAFormats
import GRDB

/// What the ledger must know of orders, as functions that the agent gives it: the ledger itself knows no orders.
extension OrderService {
    /// Notes what an envelope means for orders, in the transaction that stores it: a list of shares offers them.
    package static func note(_ envelope: SignedEnvelope, in database: Database) throws {
        try OfferedShares.insert(envelope, in: database)
    }

    /// Whether a block must stay on this host: an order is not over, or a list has shares that no order uses yet.
    package static func holds(_ cid: CID, in database: Database) throws -> Bool {
        try OrderTable.holds(cid, in: database) || OfferedShares.holds(cid, in: database)
    }
}
