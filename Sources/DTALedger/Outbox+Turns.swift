import DTAFormats
import DTASystem
import GRDB

/// Users take turns, so that one user's single block does not wait behind another's hundred thousand.
extension Outbox {
    /// Rows that failed before come after all others. If a row seems to wait for longer than `horizon`, its time was
    /// written before the clock was set back.
    private static let classes = [
        "attempts = 0 AND due <= :now", "attempts = 0 AND due > :now + :horizon",
        "attempts > 0 AND due <= :now", "attempts > 0 AND due > :now + :horizon",
    ]
    /// How many users one batch considers; the others have their turn with the next.
    private static let mostUsers = 32

    /// The tasks that are due among the rows that `condition` allows (of `publications AS root`), one of each user in
    /// turn.
    func inTurns(state: PublicationState, where condition: String, limit: Int, horizon: Int64) throws -> [Task] {
        let now = unixMicroseconds() / 1000
        return try store.read { database in
            let users = try usersWaiting(state, database)
            var tasks: [Task] = []
            for due in Outbox.classes where tasks.count < limit {
                let statement = try database.cachedStatement(
                    sql: """
                        SELECT cid, attempts FROM publications AS root
                        WHERE state IN ('waiting', 'stored') AND owner_uid = :user AND \(condition) AND \(due)
                        ORDER BY due, number LIMIT :limit
                        """)
                let queues = try users.map { user in
                    try Row.fetchAll(
                        statement, arguments: ["user": user, "now": now, "horizon": horizon, "limit": limit])
                }
                for turn in 0..<(queues.map(\.count).max() ?? 0) {
                    for queue in queues where turn < queue.count && tasks.count < limit {
                        tasks.append(Task(cid: try CID(row: queue[turn]["cid"]), attempts: queue[turn]["attempts"]))
                    }
                }
            }
            return tasks
        }
    }

    /// Users with rows in a state, beginning after the last one served. Each costs one look into an index.
    private func usersWaiting(_ state: PublicationState, _ database: Database) throws -> [Int64] {
        let statement = try database.cachedStatement(
            sql: """
                SELECT min(owner_uid) FROM publications
                WHERE state IN ('waiting', 'stored') AND state = ? AND owner_uid > ?
                """)
        let start = lastServed.withLock { $0[state] } ?? -1
        var users: [Int64] = []
        func collect(after first: Int64, upTo end: Int64) throws {
            var last = first
            while users.count < Outbox.mostUsers,
                let user = try Int64.fetchOne(statement, arguments: [state.rawValue, last]), user <= end
            {
                users.append(user)
                last = user
            }
        }
        try collect(after: start, upTo: .max)
        try collect(after: -1, upTo: start)
        if let last = users.last { lastServed.withLock { $0[state] = last } }
        return users
    }
}
