import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// The blocks to be published, and those that are: rows are written together with their blocks, so that no crash can
/// separate them. Each step may be repeated without harm: a node accepts the same block and the same pin again.
package struct Outbox: Sendable {
    let store: Store
    /// Set for blocks that come from the node itself: they need not go there.
    private var isReceiving = false
    /// Whether a block arrived that the publisher has not seen.
    let arrivals = Monitor(false)

    /// The user after whom the next turn begins. It is not stored: a restart with the first user is harmless.
    let lastServed = Locked<[PublicationState: Int64]>([:])

    package init(store: Store) { self.store = store }

    /// The same outbox, for blocks that come from the node.
    var receiving: Outbox {
        var copy = self
        copy.isReceiving = true
        return copy
    }

    /// Notes a block that is stored in the same transaction.
    /// - Parameters:
    ///   - cover: the envelope with the pin that will keep it, for a page or a chunk; nil: it is pinned itself.
    ///   - owner: the user in whose turns it goes.
    func add(_ cid: CID, coveredBy cover: CID? = nil, owner: Owner, in database: Database) throws {
        let state = isReceiving ? PublicationState.fetched : .waiting
        let now = unixMicroseconds() / 1000
        // If a user stores a block that came from the node, it becomes that user's, and must be kept.
        try database.cachedStatement(
            sql: """
                INSERT INTO publications (cid, cover, state, due, since, owner_uid) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (cid) DO UPDATE SET state = excluded.state, cover = excluded.cover, due = excluded.due,
                  since = excluded.since, owner_uid = excluded.owner_uid
                  WHERE publications.state = 'fetched' AND excluded.state = 'waiting'
                """
        ).execute(arguments: [cid.column, cover?.column, state.rawValue, now, now / 1000, Int64(owner.uid)])
        if !isReceiving { database.afterNextTransaction { _ in wake() } }
    }

    /// Notes that a block's bytes are here again: a task that failed without them is tried at once.
    func retry(_ cid: CID, in database: Database) throws {
        try database.execute(
            sql: "UPDATE publications SET due = ? WHERE cid = ? AND state = 'waiting'",
            arguments: [unixMicroseconds() / 1000, cid.column])
        database.afterNextTransaction { _ in wake() }
    }

    /// Makes the publisher look for work.
    func wake() { arrivals.withLockSignalling { $0 = true } }

    /// Notes every block that was stored while no node was configured.
    package func adopt() throws {
        let now = unixMicroseconds() / 1000
        try store.write { database in
            try database.execute(
                sql: """
                    INSERT INTO publications (cid, state, due, since, owner_uid)
                    SELECT cid, 'waiting', ?, ?, owner_uid FROM blocks
                    WHERE NOT EXISTS (SELECT 1 FROM publications WHERE publications.cid = blocks.cid) ORDER BY number
                    """, arguments: [now, now / 1000])
        }
    }

    /// Compares the node with the one to which blocks were published so far. If it is another one, all are published
    /// again.
    /// - Returns: whether it is another one.
    func meet(node id: String) throws -> Bool {
        let known = try store.read { try String.fetchOne($0, sql: "SELECT id FROM publication_node") }
        guard known != id else { return false }
        let now = unixMicroseconds() / 1000
        try store.write { database in
            try database.execute(sql: "DELETE FROM publication_node")
            try database.execute(sql: "INSERT INTO publication_node (id) VALUES (?)", arguments: [id])
            guard known != nil else { return }
            try database.execute(
                sql: """
                    UPDATE publications SET state = 'waiting', attempts = 0, due = ?, since = ?, error = ''
                    WHERE state IN ('stored', 'published')
                    """, arguments: [now, now / 1000])
        }
        return known != nil
    }
}
