import DTACore
import DTAFormats
import DTASystem
import GRDB

/// Orders in a database from a backup: others may have newer parts of them, even parts that this host made. If the host
/// continued on its own, it could make a second commitment, or a second release of one use.
package enum RestoredOrders {
    /// Migrates a database that is not in use, and marks the orders in it that are not over. It forgets the intents:
    /// dtad reports their objects at start, and destroys none of them.
    /// - Parameter made: when the backup was made, in Unix seconds.
    /// - Returns: how many orders it marked.
    package static func mark(_ path: String, made: Int64) throws -> Int {
        do {
            // Without a write-ahead log, so that afterwards there is only one file.
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try StoreMigrations.migrator.migrate(queue)
            let count = try queue.write { database in
                try database.execute(
                    sql: "INSERT INTO restorations (made, restored) VALUES (?, ?)",
                    arguments: [made, unixMicroseconds() / 1_000_000])
                // What was being made at that moment may have been finished since: it is not left over from a crash,
                // and stays.
                try database.execute(sql: "DELETE FROM intents")
                let open = OrderState.allCases.filter { !$0.isOver && $0 != .frozen }.map(\.rawValue)
                try database.execute(
                    sql: """
                        UPDATE orders SET restored = min(coalesce(restored, ?), ?)
                        WHERE state IN (\(open.map { _ in "?" }.joined(separator: ", ")))
                        """, arguments: [made, made] + StatementArguments(open))
                return database.changesCount
            }
            try queue.close()
            return count
        } catch {
            throw StoreError.opening(path, error)
        }
    }

    private static var configuration: GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.prepareDatabase { database in
            try database.execute(
                sql: "PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL")
        }
        return configuration
    }

    // MARK: Orders that come later

    /// How far clocks may differ, in seconds.
    private static let clocks: Int64 = 300

    /// When the backup was made, if this database came out of one and may have known an order that is new to it now;
    /// nil if it cannot have.
    /// - Parameters: `created`: of part 1, by the principal's clock; `now`: Unix seconds.
    static func mayHaveLost(created: Int64, now: Int64, in database: Database) throws -> Int64? {
        // If the principal's clock is ahead of this host's, the order may also be older than it says.
        try Int64.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT made FROM restorations WHERE ? <= restored + \(clocks) OR ? > ? + \(clocks)
                    ORDER BY number DESC LIMIT 1
                    """), arguments: [created, created, now])
    }
}
