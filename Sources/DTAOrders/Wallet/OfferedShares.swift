import DTAFormats
import Foundation
import GRDB

/// The shares of wallets that beneficiaries published and that no order known here uses. Finding the next one takes one
/// look-up, however many lists there are.
enum OfferedShares {
    /// Stores the shares of a list as it comes, in the transaction that stores it. Ignores an envelope that is no list.
    static func insert(_ signed: SignedEnvelope, in database: Database) throws {
        let envelope = signed.envelope
        guard envelope.header.content == WalletShares.contentType, envelope.isPublic, let body = envelope.body,
            let shares = try? WalletShares(body)
        else { return }
        for (place, share) in shares.shares.enumerated() {
            try database.cachedStatement(
                sql: """
                    INSERT OR IGNORE INTO offered_shares (sender, list, place, share)
                    SELECT ?, number, ?, ? FROM envelopes
                    WHERE cid = ? AND NOT EXISTS (SELECT 1 FROM order_shares WHERE share = ?)
                    """
            ).execute(arguments: [
                envelope.header.from.column, place, Data(share.bytes), signed.cid.column, Data(share.bytes),
            ])
        }
    }

    /// Removes a share that an order uses.
    static func take(_ share: [UInt8], in database: Database) throws {
        try database.execute(sql: "DELETE FROM offered_shares WHERE share = ?", arguments: [Data(share)])
    }

    /// A share that a sender offers in the first list after another. It is chosen at random, because others choose from
    /// the same list and know nothing of each other.
    /// - Parameter list: the number of that other list; 0: from the beginning.
    static func next(
        of sender: CID, after list: Int64, in database: Database
    ) throws -> (share: [UInt8], list: Int64, cid: CID)? {
        try Row.fetchOne(
            database,
            sql: """
                SELECT share, list, cid FROM offered_shares JOIN envelopes ON envelopes.number = list
                WHERE offered_shares.sender = ? AND list = (
                  SELECT min(list) FROM offered_shares WHERE sender = ? AND list > ?)
                ORDER BY random() LIMIT 1
                """, arguments: [sender.column, sender.column, list]
        ).map { row in ([UInt8](row["share"] as Data), row["list"], try CID(row: row["cid"])) }
    }

    /// Removes the shares of a list that cannot be relied on.
    static func drop(list: Int64, in database: Database) throws {
        try database.execute(sql: "DELETE FROM offered_shares WHERE list = ?", arguments: [list])
    }

    /// Whether a list has shares that no order uses yet.
    static func holds(_ cid: CID, in database: Database) throws -> Bool {
        try Bool.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT EXISTS (SELECT 1 FROM envelopes JOIN offered_shares ON list = envelopes.number WHERE cid = ?)
                    """), arguments: [cid.column]) ?? false
    }
}
