import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB
import Glibc

/// Blocks: in the agent's database, and those of large bodies in segments. Each block is hashed when it is read, before
/// it is used.
package struct BlockStore: Sendable {
    package let store: Store
    package let segments: SegmentDirectory
    /// How many bytes each user may have stored.
    let limit: Int
    /// Notes the blocks to be published; nil if no IPFS node is configured.
    private(set) var outbox: Outbox?
    private let noting: EnvelopeNote
    private let documents = DocumentCache()

    /// What a part of the agent that the ledger does not know notes about an envelope, in the transaction that stores
    /// it.
    package typealias EnvelopeNote = @Sendable (SignedEnvelope, Database) throws -> Void

    package init(
        store: Store, segments: SegmentDirectory, limit: Int, outbox: Outbox? = nil, noting: @escaping EnvelopeNote
    ) {
        self.store = store
        self.segments = segments
        self.limit = limit
        self.outbox = outbox
        self.noting = noting
    }

    /// The same store, for blocks that come from the IPFS node.
    var receiving: BlockStore {
        var copy = self
        copy.outbox = outbox?.receiving
        return copy
    }

    /// Stores a block as part of a transaction. If it is already there nothing changes, except that damaged bytes are
    /// replaced.
    /// - Parameter envelope: the envelope that has the block as a page or chunk; its pin will keep the block.
    package func insert(
        _ bytes: [UInt8], _ cid: CID, _ kind: BlockKind, partOf envelope: CID? = nil, owner: Owner,
        in database: Database
    ) throws {
        try outbox?.add(cid, coveredBy: envelope, owner: owner, in: database)
        if let known = try row(cid, database) {
            if known.isDropped { return try restore(bytes, cid, owner: owner, in: database) }
            guard (try? content(known)) != Data(bytes) else { return }
            try database.execute(
                sql: "UPDATE blocks SET bytes = ?, size = ?, segment = NULL, segment_offset = NULL WHERE cid = ?",
                arguments: [Data(bytes), bytes.count, Data(cid.bytes)])
            return
        }
        try charge(bytes.count + BlockStore.rowCharge, owner, database)
        try database.cachedStatement(
            sql: """
                INSERT INTO blocks (cid, bytes, size, kind, stored, owner_uid, owner_name) VALUES (?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            Data(cid.bytes), Data(bytes), bytes.count, kind.rawValue, unixMicroseconds() / 1_000_000,
            Int64(owner.uid), owner.name,
        ])
    }

    /// Stores an envelope, and records that it came.
    /// - Parameter standing: the name of the sender's standing; nil if that is not known yet.
    package func insert(_ signed: SignedEnvelope, standing: String?, owner: Owner, in database: Database) throws {
        try insert(signed.block, signed.cid, .envelope, owner: owner, in: database)
        try ReceivedEnvelopes.insert(
            signed, standing: standing, received: unixMicroseconds() / 1_000_000, in: database)
        try noting(signed, database)
    }

    // MARK: What users may store

    /// What a block costs beside its content, in bytes: its rows here and in the outbox, and their indexes, take 300 to
    /// 400. They stay when its content is dropped, and so does this charge.
    package static let rowCharge = 512

    /// - Parameter size: content, plus `rowCharge` for each new block.
    func charge(_ size: Int, _ owner: Owner, _ database: Database) throws {
        let used = try Int.fetchOne(
            database.cachedStatement(
                sql: """
                    INSERT INTO ledger_usage (owner_uid, owner_name, bytes) VALUES (?, ?, ?)
                    ON CONFLICT (owner_uid, owner_name) DO UPDATE SET bytes = bytes + excluded.bytes RETURNING bytes
                    """), arguments: [Int64(owner.uid), owner.name, size])
        guard owner != .agent, let used, used > limit else { return }
        throw tooMuch(owner, used: used - size, more: size)
    }

    /// - Parameter staged: bytes of the owner that are on the disk but not in the ledger yet.
    /// - Throws: if `more` bytes would exceed what the owner may store.
    package func checkRoom(for more: Int, staged: Int, owner: Owner) throws {
        let used = try store.read { try BlockStore.usage(owner, $0) } + staged
        guard used + more <= limit else { throw tooMuch(owner, used: used, more: more) }
    }

    private func tooMuch(_ owner: Owner, used: Int, more: Int) -> DTAError {
        DTAError(
            .resourceExhausted,
            "user \(owner.display) may store \(limit) bytes in the ledger: \(used) are used, and these are \(more)",
            hint: "each block counts \(BlockStore.rowCharge) bytes beside its content; an administrator can raise "
                + "limits.ledger_bytes_per_user in dtad.yaml")
    }

    private static func usage(_ owner: Owner, _ database: Database) throws -> Int {
        try Int.fetchOne(
            database.cachedStatement(sql: "SELECT bytes FROM ledger_usage WHERE owner_uid = ? AND owner_name = ?"),
            arguments: [Int64(owner.uid), owner.name]) ?? 0
    }

    // MARK: Reading

    /// The columns of a block's row that are needed to read its bytes.
    struct Stored {
        let bytes: Data
        let size: Int
        let place: SegmentPlace?

        /// Whether only the IPFS node has its bytes.
        var isDropped: Bool { bytes.isEmpty && size > 0 && place == nil }
    }

    func row(_ cid: CID, _ database: Database) throws -> Stored? {
        try Row.fetchOne(
            database.cachedStatement(sql: "SELECT bytes, size, segment, segment_offset FROM blocks WHERE cid = ?"),
            arguments: [Data(cid.bytes)]
        ).map { row in
            let segment: String? = row["segment"]
            return Stored(
                bytes: row["bytes"], size: row["size"],
                place: segment.map { SegmentPlace(segment: $0, offset: row["segment_offset"]) })
        }
    }

    private func content(_ stored: Stored) throws -> Data {
        guard let place = stored.place else { return stored.bytes }
        return try segments.read(place, count: stored.size)
    }

    /// - Throws: `DTAError.notFound`; `dataLoss` if the bytes do not match the CID.
    package func bytes(_ cid: CID) throws -> [UInt8] { [UInt8](try data(cid)) }

    /// The same, without a copy.
    func data(_ cid: CID) throws -> Data { try data(cid, movedFrom: nil) }

    /// - Parameter before: the place at which the block could not be read a moment ago: meanwhile it may have been
    ///   stored again elsewhere, or dropped.
    private func data(_ cid: CID, movedFrom before: SegmentPlace?) throws -> Data {
        guard let found = try store.glance({ try row(cid, $0) }) else {
            MissingBlocks.note(cid)
            throw DTAError(
                .notFound, "the block \(cid) is not in this host's ledger",
                helps: .storeBlock)
        }
        guard !found.isDropped else {
            MissingBlocks.note(cid)
            throw DTAError(
                .notFound, "the bytes of the block \(cid) were dropped here: only the IPFS node has them",
                helps: .bringBlock)
        }
        let failure: DTAError
        do {
            let bytes = try content(found)
            if cid.names(bytes) { return bytes }
            failure = DTAError(
                .dataLoss,
                "the block \(cid) is damaged: its bytes have the hash of \(CID(hashing: bytes, codec: cid.codec))",
                hint: "storing the right bytes again repairs it")
        } catch let error as SystemCallError {
            failure = DTAError(
                error.errno == ENOENT ? .dataLoss : .unavailable,
                "the block \(cid) is in the segment \(found.place?.segment ?? ""), which cannot be read: \(error)",
                hint: "storing the right bytes again repairs it")
        }
        guard let place = found.place, place != before else { throw failure }
        return try data(cid, movedFrom: place)
    }

    /// A verified identity's document.
    package func document(_ cid: CID) throws -> SignedIdentity {
        if let known = documents[cid] { return known }
        let block = try bytes(cid)
        let document = try explaining("the block \(cid) is not an identity that can be relied on") {
            try SignedIdentity(block: block, named: cid)
        }
        documents.add(document)
        return document
    }
}
