import DTACore
import DTAFormats
import DTASystem
import GRDB

/// Orders in a database that comes out of a backup: others may have parts of them that it does not have, this host's own
/// among those. What the host would do by itself could then be a second commitment, or a second release of one use.
package enum RestoredOrders {
    /// Brings a database that nobody uses up to date, and marks the orders in it that are not over. What it was about to make
    /// or to destroy is forgotten: dtad reports it at start, and destroys none of it.
    /// - Parameter made: when the backup was made, in Unix seconds.
    /// - Returns: how many there are.
    package static func mark(_ path: String, made: Int64) throws -> Int {
        do {
            // Without a write-ahead log, so that one file is all that there is afterwards.
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try StoreMigrations.migrator.migrate(queue)
            let count = try queue.write { database in
                try database.execute(
                    sql: "INSERT INTO restorations (made, restored) VALUES (?, ?)",
                    arguments: [made, unixMicroseconds() / 1_000_000])
                // What was being made in that moment may have been finished since: it is no crash's leftover, and stays.
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

    // MARK: What comes later

    /// How far clocks may differ, in seconds.
    private static let clocks: Int64 = 300

    /// When the backup was made, where this database came out of one and may have known an order before that is new to it
    /// now; nil where it cannot have.
    /// - Parameters: `created`: of part 1, by the principal's clock; `now`: Unix seconds.
    static func mayHaveLost(created: Int64, now: Int64, in database: Database) throws -> Int64? {
        // Whose clock is ahead of this one's may have made it before as well.
        try Int64.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT made FROM restorations WHERE ? <= restored + \(clocks) OR ? > ? + \(clocks)
                    ORDER BY number DESC LIMIT 1
                    """), arguments: [created, created, now])
    }
}
