import GRDB

/// How many keys of a database were sealed by their ids alone, by earlier releases. They are not used until an
/// administrator has bound them.
package struct UnboundCount: Sendable, Equatable {
    /// Keys of orders that are used in place.
    package let orders: Int
    /// Post-quantum keys of identities.
    package let identities: Int

    /// A sealed blob of an earlier release begins with this byte.
    private static let oldVersion = "x'01'"
    private static let isUnbound = "object > x'' AND substr(blob, 1, 1) = \(oldVersion)"

    /// The rows of the orders among them.
    static func rows(_ database: Database) throws -> Set<Int64> {
        try Int64.fetchSet(database, sql: "SELECT in_order FROM order_secrets WHERE \(isUnbound)")
    }

    /// - Parameter database: of this version or of an earlier one.
    package init(_ database: Database) throws {
        orders =
            try database.tableExists("order_secrets")
            ? Int.fetchOne(
                database, sql: "SELECT count(*) FROM order_secrets WHERE \(Self.isUnbound)") ?? 0 : 0
        let hasSeeds =
            try database.tableExists("identities")
            && database.columns(in: "identities").contains { $0.name == "pq_seed" }
        identities =
            try hasSeeds
            ? Int.fetchOne(
                database, sql: "SELECT count(*) FROM identities WHERE substr(pq_seed, 1, 1) = \(Self.oldVersion)") ?? 0
            : 0
    }

    /// What has to be done; nil if there is nothing.
    package var sentence: String? {
        var parts: [String] = []
        if orders > 0 { parts.append(orders == 1 ? "1 key of an order" : "\(orders) keys of orders") }
        if identities > 0 {
            parts.append(
                identities == 1 ? "1 post-quantum key of an identity" : "\(identities) post-quantum keys of identities")
        }
        guard !parts.isEmpty else { return nil }
        return parts.joined(separator: " and ") + (orders + identities == 1 ? " was" : " were")
            + " sealed by an earlier release, and not used until an administrator binds "
            + (orders + identities == 1 ? "it" : "them")
            + " (docs/operations.md)"
    }
}
