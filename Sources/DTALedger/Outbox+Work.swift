import DTAFormats
import DTASystem
import GRDB

/// The publisher's next tasks, and their outcomes.
extension Outbox {
    struct Task: Sendable {
        let cid: CID
        let attempts: Int
    }

    /// The outcome of a task.
    enum Outcome: Sendable {
        case became(PublicationState)
        /// - Parameter again: when to try again, Unix milliseconds.
        case failed(reason: String, again: Int64)
        /// The node has lost the block: it must be put again.
        case lost
    }

    /// Blocks that the node lacks: of each user in turn the longest due, those that failed before last.
    /// - Parameter horizon: no row waits for longer; if one seems to, its time was written before the clock was set
    ///   back.
    func blocksToPut(limit: Int, horizon: Int64) throws -> [Task] {
        try inTurns(state: .waiting, where: "state = 'waiting'", limit: limit, horizon: horizon)
    }

    /// Blocks to be pinned: the node has them and all of their parts. Those that never failed come first, and only one
    /// of the others, because a pin that waits for a block that no node has holds up all other work.
    func blocksToPin(limit: Int, horizon: Int64) throws -> [Task] {
        let all = try inTurns(state: .stored, where: Outbox.isReadyToPin, limit: limit, horizon: horizon)
        let fresh = all.filter { $0.attempts == 0 }
        return fresh.isEmpty ? Array(all.prefix(1)) : fresh + all.filter { $0.attempts > 0 }.prefix(1)
    }

    private static let isReadyToPin = """
        state = 'stored' AND cover IS NULL
        AND NOT EXISTS (SELECT 1 FROM publications WHERE cover = root.cid AND state = 'waiting')
        """

    /// When the next row is due, Unix milliseconds; nil: no row waits.
    func nextDue() throws -> Int64? {
        try store.read { database in
            try ["state = 'waiting'", Outbox.isReadyToPin].compactMap { condition in
                try Int64.fetchOne(
                    database,
                    sql: """
                        SELECT due FROM publications AS root
                        WHERE state IN ('waiting', 'stored') AND \(condition) ORDER BY due LIMIT 1
                        """)
            }.min()
        }
    }

    /// Blocks that the pin of `cid` keeps, as far as the node is known to have them.
    func parts(of cid: CID) throws -> [CID] {
        try store.read { database in
            try Row.fetchAll(
                database, sql: "SELECT cid FROM publications WHERE cover = ? AND state != 'waiting'",
                arguments: [cid.column]
            ).map { try CID(row: $0["cid"]) }
        }
    }

    /// Stores the outcomes of many tasks at once: a transaction for each would cost more than the tasks.
    func record(_ outcomes: [(cid: CID, outcome: Outcome)]) throws {
        guard !outcomes.isEmpty else { return }
        let now = unixMicroseconds() / 1000
        try store.write { database in
            for (cid, outcome) in outcomes { try record(cid, outcome, now, database) }
        }
    }

    private func record(_ cid: CID, _ outcome: Outcome, _ now: Int64, _ database: Database) throws {
        switch outcome {
        case .became(let state):
            try database.cachedStatement(
                sql: "UPDATE publications SET state = ?, attempts = 0, due = ?, error = '' WHERE cid = ?"
            ).execute(arguments: [state.rawValue, now, cid.column])
            guard state == .published else { return }
            // To pin it, the node read all of its parts.
            try database.cachedStatement(
                sql: "UPDATE publications SET state = 'published', attempts = 0, error = '' WHERE cover = ?"
            ).execute(arguments: [cid.column])
        case .failed(let reason, let again):
            try database.cachedStatement(
                sql: "UPDATE publications SET attempts = attempts + 1, due = ?, error = ? WHERE cid = ?"
            ).execute(arguments: [again, reason, cid.column])
        case .lost:
            try database.cachedStatement(
                sql: "UPDATE publications SET state = 'waiting', due = ? WHERE cid = ? AND state != 'fetched'"
            ).execute(arguments: [now, cid.column])
        }
    }
}
