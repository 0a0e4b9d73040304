import DTAFormats
import DTASystem
import Foundation
import GRDB

/// Blocks whose bytes only the IPFS node has: the row stays and says so, without bytes.
extension BlockStore {
    /// Whether a row of `blocks` is of such a block; the empty block has no bytes either.
    static let isDropped = "(length(bytes) = 0 AND segment IS NULL AND size > 0)"

    /// Drops blocks' bytes. Where they were in segments, their room there is given back to the file system.
    func drop(_ cids: [CID]) throws {
        let places = try store.write { database in try cids.compactMap { try drop($0, in: database) } }
        // Only now: before, the blocks were still said to be there. What a crash leaves is room that is not used.
        for (place, size) in places { segments.release(place, count: size) }
        try removeUnused(Set(places.map(\.place.segment)))
    }

    /// Lets go of a block's bytes. Whoever stored them has room again.
    /// - Returns: where they are in a segment; nil where they are not, or were gone already.
    private func drop(_ cid: CID, in database: Database) throws -> (place: SegmentPlace, size: Int)? {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT size, segment, segment_offset, owner_uid, owner_name FROM blocks
                WHERE cid = ? AND NOT \(BlockStore.isDropped)
                """, arguments: [cid.column])
        guard let row else { return nil }
        try database.execute(
            sql: "UPDATE blocks SET bytes = x'', segment = NULL, segment_offset = NULL WHERE cid = ?",
            arguments: [cid.column])
        try database.execute(
            sql: "UPDATE ledger_usage SET bytes = max(0, bytes - ?) WHERE owner_uid = ? AND owner_name = ?",
            arguments: [row["size"] as Int, row["owner_uid"] as Int64, row["owner_name"] as String])
        let segment: String? = row["segment"]
        return segment.map { (SegmentPlace(segment: $0, offset: row["segment_offset"]), row["size"]) }
    }

    /// Makes a block `owner`'s that gets its bytes back in a segment.
    /// - Returns: how many they are, for him to be charged.
    func claim(_ cid: CID, owner: Owner, in database: Database) throws -> Int {
        try database.cachedStatement(sql: "UPDATE blocks SET owner_uid = ?, owner_name = ? WHERE cid = ?")
            .execute(arguments: [Int64(owner.uid), owner.name, cid.column])
        return try row(cid, database)?.size ?? 0
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
