import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// An envelope on this host, as it was when it came.
package struct ReceivedEnvelope: Sendable, Equatable {
    package let cid: CID
    package let from: CID
    package let thread: [UInt8]
    package let previous: CID?
    /// Unix seconds, the sender's clock.
    package let created: Int64
    /// Unix seconds: when it was first stored here.
    package let received: Int64
    /// The media type of its plaintext.
    package let content: String
    /// The name of the sender's standing when it came; nil if it is not known yet.
    package let standing: String?
    package let isPublic: Bool

    /// The name of an unknown standing.
    package static let unknownStanding = "unknown"
}

/// The table of envelopes on this host. The sender's standing is judged once, when the envelope comes or as soon as the
/// sender's document is there, and never changes.
package struct ReceivedEnvelopes: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// Records an envelope with its block, in one transaction. The second time nothing changes, except that a missing
    /// standing is added.
    package static func insert(
        _ signed: SignedEnvelope, standing: String?, received: Int64, in database: Database
    ) throws {
        let header = signed.envelope.header
        try database.cachedStatement(
            sql: """
                INSERT INTO envelopes (cid, inner_hash, thread, previous, sender, created, content, received, standing,
                  public) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (cid) DO UPDATE SET standing = excluded.standing WHERE standing IS NULL
                """
        ).execute(arguments: [
            Data(signed.cid.bytes), Data(signed.innerHash), Data(header.thread),
            header.previous.map { Data($0.bytes) }, Data(header.from.bytes), header.created, header.content,
            received, standing, signed.envelope.isPublic,
        ])
    }

    /// The recorded standing of the sender; nil if there is none yet.
    package static func standing(_ cid: CID, in database: Database) throws -> String? {
        try String.fetchOne(
            database.cachedStatement(sql: "SELECT standing FROM envelopes WHERE cid = ?"), arguments: [Data(cid.bytes)])
    }

    /// The recorded standing of the sender; nil if there is none yet.
    package func standing(_ cid: CID) throws -> String? {
        try store.glance { try ReceivedEnvelopes.standing(cid, in: $0) }
    }

    package func find(_ cid: CID) throws -> ReceivedEnvelope? {
        try store.glance { database in
            try Row.fetchOne(
                database.cachedStatement(sql: "SELECT * FROM envelopes WHERE cid = ?"), arguments: [Data(cid.bytes)]
            ).map(ReceivedEnvelope.init)
        }
    }

    /// The envelopes of a thread, by their senders' clocks.
    /// - Parameter after: the place of the last envelope that was answered: its time and number.
    /// - Returns: also the place of the last one; nil if the list ends with it.
    package func thread(_ thread: [UInt8], count: Int, after place: Cursor?) throws -> ([ReceivedEnvelope], Cursor?) {
        let rows = try store.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM envelopes WHERE thread = ? AND (created, number) > (?, ?)
                    ORDER BY created, number LIMIT ?
                    """,
                arguments: [Data(thread), place?.created ?? -1, place?.number ?? 0, count + 1])
        }
        let shown = rows.prefix(count)
        let last = rows.count > count ? shown.last.map { Cursor(created: $0["created"], number: $0["number"]) } : nil
        return (try shown.map(ReceivedEnvelope.init), last)
    }

    /// Where a list of a thread continues.
    package struct Cursor: Sendable {
        let created: Int64
        let number: Int64

        init(created: Int64, number: Int64) {
            self.created = created
            self.number = number
        }

        package init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let created = Int64(parts[0]), let number = Int64(parts[1]) else { return nil }
            self.init(created: created, number: number)
        }

        package var text: String { "\(created):\(number)" }
    }
}

extension ReceivedEnvelope {
    fileprivate init(_ row: Row) throws {
        func cid(_ bytes: Data) throws -> CID {
            try explaining("the table of envelopes is damaged") { try CID(bytes: [UInt8](bytes)) }
        }
        self.init(
            cid: try cid(row["cid"]), from: try cid(row["sender"]), thread: [UInt8](row["thread"] as Data),
            previous: try (row["previous"] as Data?).map(cid), created: row["created"], received: row["received"],
            content: row["content"], standing: row["standing"], isPublic: row["public"])
    }
}
