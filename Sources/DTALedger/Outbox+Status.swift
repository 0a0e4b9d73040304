import DTACore
import DTAFormats
import DTASystem
import GRDB

/// The outbox for people.
extension Outbox {
    /// How many blocks are in each state.
    func counts() throws -> [PublicationState: Int] {
        let rows = try store.read {
            try Row.fetchAll($0, sql: "SELECT state, count(*) AS count FROM publications GROUP BY state")
        }
        let pairs = rows.compactMap { row in
            PublicationState(rawValue: row["state"]).map { ($0, row["count"] as Int) }
        }
        return Dictionary(pairs) { first, _ in first }
    }

    func countUnfinished() throws -> Int {
        try store.read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM publications WHERE state IN ('waiting', 'stored')") ?? 0
        }
    }

    func publication(_ cid: CID) throws -> Publication? {
        try store.read {
            try Row.fetchOne($0, sql: "SELECT * FROM publications WHERE cid = ?", arguments: [cid.column])
                .map(Publication.init)
        }
    }

    /// The blocks on their way, the oldest first.
    func unfinished(count: UInt32, cursor: String) throws -> Page<Publication> {
        let size = try PageSize.of(count)
        guard let after = cursor.isEmpty ? 0 : Int64(cursor) else {
            throw DTAError(.invalidArgument, "\(quoted(cursor)) is no cursor of the outbox")
        }
        let rows = try store.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM publications WHERE state IN ('waiting', 'stored') AND number > ? ORDER BY number LIMIT ?
                    """, arguments: [after, size + 1])
        }
        let items = try rows.prefix(size).map(Publication.init)
        return Page(items: items, cursor: rows.count > size ? String(rows[size - 1]["number"] as Int64) : "")
    }
}
