import DTAFormats
import Foundation
import GRDB

/// Shares of wallets that beneficiaries published.
extension StoreMigrations {
    /// A row for each share of a published list (`list`: its number among the envelopes; `place`: the share's in the
    /// list) until an order uses it, in list order.
    private static let offeredSharesTable = """
        CREATE TABLE offered_shares (
          sender BLOB NOT NULL,
          list INTEGER NOT NULL REFERENCES envelopes (number),
          place INTEGER NOT NULL,
          share BLOB NOT NULL CHECK (length(share) = 33),
          PRIMARY KEY (sender, list, place)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX offered_shares_by_share ON offered_shares (share);
        CREATE INDEX offered_shares_by_list ON offered_shares (list);
        DROP INDEX envelopes_of_shares;
        """

    /// Makes the table, with the lists that came before it existed.
    static func offeredShares(_ database: Database) throws {
        try database.execute(sql: offeredSharesTable)
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT bytes FROM envelopes JOIN blocks USING (cid) WHERE content = ? ORDER BY envelopes.number
                """, arguments: [WalletShares.contentType])
        while let row = try rows.next() {
            // Damaged or dropped lists offer nothing.
            guard let signed = try? SignedEnvelope(block: [UInt8](row["bytes"] as Data)), signed.envelope.isPublic,
                let body = signed.envelope.body, let shares = try? WalletShares(body)
            else { continue }
            for (place, share) in shares.shares.enumerated() {
                try database.execute(
                    sql: """
                        INSERT OR IGNORE INTO offered_shares (sender, list, place, share)
                        SELECT ?, number, ?, ? FROM envelopes WHERE cid = ?
                        """,
                    arguments: [
                        Data(signed.envelope.header.from.bytes), place, Data(share.bytes), Data(signed.cid.bytes),
                    ])
            }
        }
        try database.execute(sql: "DELETE FROM offered_shares WHERE share IN (SELECT share FROM order_shares)")
    }
}
