import DTAFormats
import DTASystem
import Foundation
import GRDB

/// Blocks in the agent's database. What is read is hashed before anybody uses it.
struct BlockStore: Sendable {
    let store: Store
    /// How many bytes each user may have stored.
    let limit: Int
    /// Where blocks are noted that are to be published; nil where no IPFS node is configured.
    var outbox: Outbox?

    /// The same store, for blocks that come from the IPFS node.
    var receiving: BlockStore {
        var copy = self
        copy.outbox = outbox?.receiving
        return copy
    }

    /// Stores a block as part of a transaction. Where it is already there nothing changes, except that damaged bytes
    /// are replaced by the right ones.
    /// - Parameter envelope: of which the block is a page or a chunk; its pin will keep the block.
    func insert(
        _ bytes: [UInt8], _ cid: CID, _ kind: BlockKind, partOf envelope: CID? = nil, owner: Owner,
        in database: Database
    ) throws {
        try outbox?.add(cid, coveredBy: envelope, in: database)
        if try restore(bytes, cid, owner: owner, in: database) { return }
        let known = try Data.fetchOne(
            database, sql: "SELECT bytes FROM blocks WHERE cid = ?", arguments: [Data(cid.bytes)])
        if let known {
            guard [UInt8](known) != bytes else { return }
            try database.execute(
                sql: "UPDATE blocks SET bytes = ?, size = ? WHERE cid = ?",
                arguments: [Data(bytes), bytes.count, Data(cid.bytes)])
            return
        }
        try charge(bytes.count, owner, database)
        try database.execute(
            sql: """
                INSERT INTO blocks (cid, bytes, size, kind, stored, owner_uid, owner_name) VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                Data(cid.bytes), Data(bytes), bytes.count, kind.rawValue, unixMicroseconds() / 1_000_000,
                Int64(owner.uid), owner.name,
            ])
    }

    /// Stores a verified identity's document, and what lists tell of it.
    func insert(_ document: SignedIdentity, owner: Owner, in database: Database) throws {
        try insert(document.block, document.cid, .identity, owner: owner, in: database)
        try database.execute(
            sql: "INSERT OR IGNORE INTO documents (cid, name, created) VALUES (?, ?, ?)",
            arguments: [Data(document.cid.bytes), document.identity.name, document.identity.created])
    }

    func charge(_ size: Int, _ owner: Owner, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO ledger_usage (owner_uid, owner_name, bytes) VALUES (?, ?, ?)
                ON CONFLICT (owner_uid, owner_name) DO UPDATE SET bytes = bytes + excluded.bytes
                """,
            arguments: [Int64(owner.uid), owner.name, size])
        guard owner != .agent else { return }
        let used = try BlockStore.usage(owner, database)
        guard used <= limit else {
            throw DTAError(
                .resourceExhausted,
                "user \(owner.display) may store \(limit) bytes in the ledger: \(used - size) are used, and this block "
                    + "has \(size)",
                hint: "an administrator can raise limits.ledger_bytes_per_user in dtad.yaml")
        }
    }

    private static func usage(_ owner: Owner, _ database: Database) throws -> Int {
        try Int.fetchOne(
            database, sql: "SELECT bytes FROM ledger_usage WHERE owner_uid = ? AND owner_name = ?",
            arguments: [Int64(owner.uid), owner.name]) ?? 0
    }

    /// - Throws: `DTAError.notFound`; `dataLoss` where the bytes are not those that the CID names.
    func bytes(_ cid: CID) throws -> [UInt8] {
        let found = try store.read { database in
            try Data.fetchOne(
                database, sql: "SELECT bytes FROM blocks WHERE cid = ? AND NOT \(BlockStore.isDropped)",
                arguments: [Data(cid.bytes)])
        }
        guard let found else {
            MissingBlocks.note(cid)
            throw DTAError(
                .notFound, "the block \(cid) is not in this host's ledger",
                hint: "if you have its bytes, store them with dtactl ledger put")
        }
        let bytes = [UInt8](found)
        let actual = CID(hashing: bytes, codec: cid.codec)
        guard actual == cid else {
            throw DTAError(
                .dataLoss, "the block \(cid) is damaged: its bytes have the hash of \(actual)",
                hint: "storing the right bytes again repairs it")
        }
        return bytes
    }

    /// A verified identity's document.
    func document(_ cid: CID) throws -> SignedIdentity {
        let block = try bytes(cid)
        return try explaining("the block \(cid) is not an identity that can be relied on") {
            try SignedIdentity(block: block, named: cid)
        }
    }
}
