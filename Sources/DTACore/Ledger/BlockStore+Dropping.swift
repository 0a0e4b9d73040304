import DTAFormats
import DTASystem
import Foundation
import GRDB

/// Blocks whose bytes only the IPFS node has: the row stays and says so, without bytes.
extension BlockStore {
    /// Whether a row of `blocks` is of such a block; the empty block has no bytes either.
    static let isDropped = "(length(bytes) = 0 AND size > 0 AND segment IS NULL)"

    /// What was let go of.
    struct Dropped {
        let bytes: Int
        /// Where in a segment it was.
        let place: SegmentPlace?
    }

    /// Lets go of a block's bytes. Whoever stored them has room again. What was in a segment still takes room on the
    /// disk, until `free`.
    /// - Returns: nil where they were gone already.
    func drop(_ cid: CID, in database: Database) throws -> Dropped? {
        guard
            let known = try row(cid, database), !known.isDropped,
            let owner = try Row.fetchOne(
                database, sql: "SELECT owner_uid, owner_name FROM blocks WHERE cid = ?", arguments: [cid.column])
        else { return nil }
        try database.execute(
            sql: "UPDATE blocks SET bytes = x'', segment = NULL, segment_offset = NULL WHERE cid = ?",
            arguments: [cid.column])
        try database.execute(
            sql: "UPDATE ledger_usage SET bytes = max(0, bytes - ?) WHERE owner_uid = ? AND owner_name = ?",
            arguments: [known.size, owner["owner_uid"] as Int64, owner["owner_name"] as String])
        return Dropped(bytes: known.size, place: known.place)
    }

    /// Gives a block that was dropped its bytes back. From now on they are `owner`'s.
    func restore(_ bytes: [UInt8], _ cid: CID, owner: Owner, in database: Database) throws {
        try database.cachedStatement(sql: "UPDATE blocks SET bytes = ? WHERE cid = ?")
            .execute(arguments: [Data(bytes), cid.column])
        try give(cid, to: owner, in: database)
        try charge(bytes.count, owner, database)
    }

    /// Makes a block that was dropped `owner`'s.
    func give(_ cid: CID, to owner: Owner, in database: Database) throws {
        try database.execute(
            sql: "UPDATE blocks SET owner_uid = ?, owner_name = ? WHERE cid = ?",
            arguments: [Int64(owner.uid), owner.name, cid.column])
    }
}
