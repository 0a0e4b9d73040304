import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// Blocks with bytes only on the IPFS node: the row stays, without bytes.
extension BlockStore {
    /// Whether a row of `blocks` is of such a block; the empty block has no bytes either.
    static let isDropped = "(length(bytes) = 0 AND size > 0 AND segment IS NULL)"

    /// The bytes that were dropped.
    package struct Dropped {
        let bytes: Int
        /// Where they were in a segment.
        let place: SegmentPlace?
    }

    /// Drops a block's bytes. Its owner may store as many bytes again, except `rowCharge`: the row stays. Bytes in a
    /// segment still take room on the disk until `free`.
    /// - Returns: nil if they were gone already.
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

    /// Gives a dropped block its bytes back, and charges them to `owner`.
    func restore(_ bytes: [UInt8], _ cid: CID, owner: Owner, in database: Database) throws {
        try database.cachedStatement(sql: "UPDATE blocks SET bytes = ? WHERE cid = ?")
            .execute(arguments: [Data(bytes), cid.column])
        try give(cid, to: owner, in: database)
        try charge(bytes.count, owner, database)
        try outbox?.retry(cid, in: database)
    }

    /// Makes `owner` the owner of a dropped block, and charges its row to them.
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

    /// Whether a block is known here without its bytes.
    func isDropped(_ cid: CID) throws -> Bool { try store.read { try row(cid, $0)?.isDropped ?? false } }
}
