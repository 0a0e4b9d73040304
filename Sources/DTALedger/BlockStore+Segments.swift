import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// Blocks in segments.
extension BlockStore {
    /// A block in a durable segment.
    package struct SegmentBlock: Sendable {
        package let cid: CID
        let size: Int
        let place: SegmentPlace

        package init(cid: CID, size: Int, place: SegmentPlace) {
            self.cid = cid
            self.size = size
            self.place = place
        }
    }

    /// Stores the blocks of a segment as part of a transaction. A block that was already here is read from the new
    /// segment from now on, which repairs it if it was damaged, and is not charged again.
    /// - Parameter envelope: the envelope with this body; its pin will keep the blocks.
    /// - Returns: the earlier places of blocks, for `free`: in other segments, and in this one if the body has a block
    ///   more than once. A block that is charged once must not take room on the disk twice.
    package func insert(
        _ blocks: [SegmentBlock], partOf envelope: CID, owner: Owner, in database: Database
    ) throws -> [Dropped] {
        var left: [Dropped] = []
        var new = 0
        for block in blocks {
            let place = block.place
            try outbox?.add(block.cid, coveredBy: envelope, owner: owner, in: database)
            if let known = try row(block.cid, database) {
                if known.isDropped { new += block.size }
                if let before = known.place, before != place { left.append(Dropped(bytes: block.size, place: before)) }
                try database.execute(
                    sql: "UPDATE blocks SET bytes = x'', size = ?, segment = ?, segment_offset = ? WHERE cid = ?",
                    arguments: [block.size, place.segment, place.offset, Data(block.cid.bytes)])
                if known.isDropped {
                    try give(block.cid, to: owner, in: database)
                    try outbox?.retry(block.cid, in: database)
                }
                continue
            }
            new += block.size + BlockStore.rowCharge
            try database.cachedStatement(
                sql: """
                    INSERT INTO blocks (cid, bytes, size, kind, stored, owner_uid, owner_name, segment, segment_offset)
                    VALUES (?, x'', ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                Data(block.cid.bytes), block.size, BlockKind.block.rawValue, unixMicroseconds() / 1_000_000,
                Int64(owner.uid), owner.name, place.segment, place.offset,
            ])
        }
        try charge(new, owner, database)
        return left
    }

    /// Gives the room of blocks that were dropped or moved back to the disk.
    package func free(_ dropped: [Dropped]) throws {
        for block in dropped {
            if let place = block.place { segments.punch(place, count: block.bytes) }
        }
        try removeUnused(Set(dropped.compactMap { $0.place?.segment }))
    }

    /// Removes those of these segments that hold no block any more.
    func removeUnused(_ candidates: Set<String>) throws {
        guard !candidates.isEmpty else { return }
        let used = try segmentsInUse()
        for segment in candidates.subtracting(used) { segments.remove(segment) }
    }

    /// Removes what a crash left in the directory of segments. Only for the start: no body may be under way.
    /// - Returns: how many files were removed, and which could not be.
    package func sweepSegments() throws -> (removed: Int, obstacles: [String]) {
        do {
            return try segments.sweep(named: segmentsInUse())
        } catch let error as SystemCallError {
            throw DTAError(.unavailable, "the directory \(segments.path) cannot be cleared: \(error)")
        }
    }

    private func segmentsInUse() throws -> Set<String> {
        Set(
            try store.read {
                try String.fetchAll($0, sql: "SELECT DISTINCT segment FROM blocks WHERE segment IS NOT NULL")
            })
    }
}
