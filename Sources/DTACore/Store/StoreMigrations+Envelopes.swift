import DTAFormats
import Foundation
import GRDB

/// Large bodies and received envelopes.
extension StoreMigrations {
    /// `segment` and `segment_offset` tell where a block is if it is not in `bytes`, which is then empty.
    static let segments = """
        ALTER TABLE blocks ADD COLUMN segment TEXT;
        ALTER TABLE blocks ADD COLUMN segment_offset INTEGER;
        CREATE INDEX blocks_by_segment ON blocks (segment) WHERE segment IS NOT NULL;
        """

    /// The envelopes on this host, in the order in which they came. `standing` is the sender's when the envelope came;
    /// NULL if it was not known yet. `previous` is NULL if the envelope begins a thread.
    private static let envelopesTable = """
        CREATE TABLE envelopes (
          number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
          cid BLOB NOT NULL UNIQUE REFERENCES blocks (cid),
          inner_hash BLOB NOT NULL CHECK (length(inner_hash) = 32),
          thread BLOB NOT NULL CHECK (length(thread) = 16),
          previous BLOB,
          sender BLOB NOT NULL,
          created INTEGER NOT NULL,
          content TEXT NOT NULL,
          received INTEGER NOT NULL,
          standing TEXT,
          public INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX envelopes_by_thread ON envelopes (thread, created, number);
        CREATE INDEX envelopes_by_inner_hash ON envelopes (inner_hash);
        """

    /// Makes the table, with the envelopes that came before it existed.
    static func envelopes(_ database: Database) throws {
        try database.execute(sql: envelopesTable)
        let rows = try Row.fetchCursor(
            database, sql: "SELECT bytes, stored FROM blocks WHERE kind = 'envelope' ORDER BY number")
        while let row = try rows.next() {
            // Damaged blocks are detected when they are read.
            guard let signed = try? SignedEnvelope(block: [UInt8](row["bytes"] as Data)) else { continue }
            let header = signed.envelope.header
            try database.execute(
                sql: """
                    INSERT INTO envelopes (cid, inner_hash, thread, previous, sender, created, content, received, standing,
                      public) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)
                    ON CONFLICT (cid) DO NOTHING
                    """,
                arguments: [
                    Data(signed.cid.bytes), Data(signed.innerHash), Data(header.thread),
                    header.previous.map { Data($0.bytes) }, Data(header.from.bytes), header.created, header.content,
                    row["stored"] as Int64, signed.envelope.isPublic,
                ])
        }
    }
}
