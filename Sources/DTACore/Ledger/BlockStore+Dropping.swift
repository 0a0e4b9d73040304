import DTAFormats
import DTASystem
import Foundation
import GRDB

/// Blocks whose bytes only the IPFS node has: the row stays and says so, without bytes.
extension BlockStore {
    /// Whether a row of `blocks` is of such a block; the empty block has no bytes either.
    static let isDropped = "(length(bytes) = 0 AND size > 0)"

    /// Lets go of a block's bytes. Whoever stored them has room again.
    /// - Returns: how many bytes that were; 0 where they were gone already.
    func drop(_ cid: CID, in database: Database) throws -> Int {
        guard
            let row = try Row.fetchOne(
                database,
                sql: "SELECT size, owner_uid, owner_name FROM blocks WHERE cid = ? AND NOT \(BlockStore.isDropped)",
                arguments: [cid.column])
        else { return 0 }
        try database.execute(sql: "UPDATE blocks SET bytes = x'' WHERE cid = ?", arguments: [cid.column])
        try database.execute(
            sql: "UPDATE ledger_usage SET bytes = max(0, bytes - ?) WHERE owner_uid = ? AND owner_name = ?",
            arguments: [row["size"] as Int, row["owner_uid"] as Int64, row["owner_name"] as String])
        return row["size"]
    }

    /// Gives a block its bytes back, if they were dropped. From now on they are `owner`'s.
    /// - Returns: whether they were.
    func restore(_ bytes: [UInt8], _ cid: CID, owner: Owner, in database: Database) throws -> Bool {
        try database.cachedStatement(
            sql: "UPDATE blocks SET bytes = ?, owner_uid = ?, owner_name = ? WHERE cid = ? AND \(BlockStore.isDropped)"
        ).execute(arguments: [Data(bytes), Int64(owner.uid), owner.name, cid.column])
        guard database.changesCount > 0 else { return false }
        try charge(bytes.count, owner, database)
        return true
    }
}
