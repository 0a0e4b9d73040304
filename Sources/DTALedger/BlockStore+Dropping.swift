import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// Blocks whose bytes only the IPFS node has: the row stays and says so, without bytes.
extension BlockStore {
    /// Whether a row of `blocks` is of such a block; the empty block has no bytes either.
    static let isDropped = "(length(bytes) = 0 AND size > 0 AND segment IS NULL)"

    /// What was let go of.
    package struct Dropped {
        let bytes: Int
        /// Where in a segment it was.
        let place: SegmentPlace?
    }

    /// Lets go of a block's bytes. Whoever stored them has room again, but for `rowCharge`: the row stays. What was in a segment still takes room on the
    /// disk, until `free`.
    /// - Returns: nil where they were gone already.
    func drop(_ cid: CID, in database: Database) throws -> Dropped? {
        guard let known = try row(cid, database), !known.isDropped, let owner = try owner(cid, database) else {
            return nil
        }
        try database.execute(
            sql: "UPDATE blocks SET bytes = x'', segment = NULL, segment_offset = NULL WHERE cid = ?",
            arguments: [cid.column])
        try relieve(known.size, owner, database)
        return Dropped(bytes: known.size, place: known.place)
    }

    /// Gives a block that was dropped its bytes back. From now on they are `owner`'s.
    func restore(_ bytes: [UInt8], _ cid: CID, owner: Owner, in database: Database) throws {
        try database.cachedStatement(sql: "UPDATE blocks SET bytes = ? WHERE cid = ?")
            .execute(arguments: [Data(bytes), cid.column])
        try give(cid, to: owner, in: database)
        try charge(bytes.count, owner, database)
        try outbox?.retry(cid, in: database)
    }

    /// Makes a block that was dropped `owner`'s, with what its row costs.
    func give(_ cid: CID, to owner: Owner, in database: Database) throws {
        guard let before = try self.owner(cid, database), before != owner else { return }
        try database.execute(
            sql: "UPDATE blocks SET owner_uid = ?, owner_name = ? WHERE cid = ?",
            arguments: [Int64(owner.uid), owner.name, cid.column])
        try relieve(BlockStore.rowCharge, before, database)
        try charge(BlockStore.rowCharge, owner, database)
    }

    private func owner(_ cid: CID, _ database: Database) throws -> Owner? {
        try Row.fetchOne(
            database, sql: "SELECT owner_uid, owner_name FROM blocks WHERE cid = ?", arguments: [cid.column]
        ).map { Owner(uid: UInt32(truncatingIfNeeded: $0["owner_uid"] as Int64), name: $0["owner_name"]) }
    }

    /// The opposite of `charge`.
    private func relieve(_ size: Int, _ owner: Owner, _ database: Database) throws {
        try database.execute(
            sql: "UPDATE ledger_usage SET bytes = max(0, bytes - ?) WHERE owner_uid = ? AND owner_name = ?",
            arguments: [size, Int64(owner.uid), owner.name])
    }

    /// Whether a block is known here and its bytes are not.
    func isDropped(_ cid: CID) throws -> Bool { try store.read { try row(cid, $0)?.isDropped ?? false } }
}
