import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// The ledger: blocks that never change, named by their hash. Every user of the agent can read it.
package final class LedgerService: Sendable {
    /// The most bytes of a block.
    package static let blockLimit = 1 << 20

    package let blocks: BlockStore
    /// Brings blocks to the IPFS node; nil if none is configured.
    let publisher: Publisher?
    /// Whether a block must stay here because something that is not finished needs it.
    let isHeld: @Sendable (CID) throws -> Bool

    /// Tells the name of a sender's standing, in the transaction that stores the envelope.
    package typealias StandingJudge = @Sendable (Database) throws -> String?

    /// Verifies an incoming envelope, as `EnvelopeService.judge(coming:)` does.
    let judge: @Sendable (SignedEnvelope) throws -> StandingJudge

    package init(
        _ blocks: BlockStore, publisher: Publisher? = nil,
        isHeld: @escaping @Sendable (CID) throws -> Bool = { _ in false },
        judge: @escaping @Sendable (SignedEnvelope) throws -> StandingJudge
    ) {
        self.blocks = blocks
        self.publisher = publisher
        self.isHeld = isHeld
        self.judge = judge
    }

    /// The types of blocks, as clients name them.
    package enum ContentType: String, Sendable, CaseIterable {
        case raw = "application/vnd.ipld.raw"
        case dagCBOR = "application/vnd.ipld.dag-cbor"
    }

    /// Stores a block: when its CID is answered, it is durable. Storing it again changes nothing.
    /// - Parameter contentType: "": raw; dag-cbor must be in its one canonical form.
    package func put(_ caller: Caller, data: [UInt8], contentType: String) throws -> CID {
        guard let type = contentType.isEmpty ? .raw : ContentType(rawValue: contentType) else {
            let known = ContentType.allCases.map(\.rawValue).joined(separator: " and ")
            throw DTAError(.invalidArgument, "blocks have the types \(known), not \(quoted(contentType))")
        }
        guard data.count <= LedgerService.blockLimit else {
            throw DTAError(
                .invalidArgument, "a block has at most \(LedgerService.blockLimit) bytes, not \(data.count)")
        }
        let owner = try Owner(of: caller)
        guard type == .dagCBOR else { return try put(data, CID(hashing: data, codec: .raw), .block, owner) }
        try explaining("the block is not canonical DAG-CBOR") { try DAGCBOR.check(data) }
        if let document = try? SignedIdentity(block: data) {
            try blocks.store.write { try blocks.insert(document, owner: owner, in: $0) }
            return document.cid
        }
        if let revocation = try? SignedRevocation(block: data) {
            try blocks.store.write { try blocks.insert(revocation, owner: owner, in: $0) }
            return revocation.cid
        }
        if let envelope = try? SignedEnvelope(block: data) { return try put(envelope, owner) }
        return try put(data, CID(hashing: data, codec: .dagCBOR), .block, owner)
    }

    private func put(_ envelope: SignedEnvelope, _ owner: Owner) throws -> CID {
        let standing: StandingJudge
        do {
            standing = try judge(envelope)
        } catch let error as DTAError where error.code == .dataLoss {
            // A forgery is a block like any other: it can be stored and shown, but is not recorded as an envelope.
            return try put(envelope.block, envelope.cid, .envelope, owner)
        }
        try blocks.store.write { database in
            try blocks.insert(envelope, standing: standing(database), owner: owner, in: database)
        }
        return envelope.cid
    }

    private func put(_ data: [UInt8], _ cid: CID, _ kind: BlockKind, _ owner: Owner) throws -> CID {
        try blocks.store.write { try blocks.insert(data, cid, kind, owner: owner, in: $0) }
        return cid
    }

    /// A block's bytes, hashed again before they are answered.
    package func get(_ subject: String) throws -> (cid: CID, bytes: [UInt8]) {
        let (cid, data) = try block(subject)
        return (cid, [UInt8](data))
    }

    /// The same, without a copy.
    package func block(_ subject: String) throws -> (cid: CID, data: Data) {
        let cid = try LedgerService.cid(subject)
        return (cid, try blocks.data(cid))
    }

    /// The blocks stored here, newest first.
    package func list(count: UInt32, cursor: String) throws -> Page<BlockRecord> {
        let size = try PageSize.of(count)
        guard let before = cursor.isEmpty ? Int64.max : Int64(cursor) else {
            throw DTAError(.invalidArgument, "\(quoted(cursor)) is no cursor of the ledger")
        }
        let rows = try blocks.store.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT number, \(BlockRecord.columns) FROM blocks
                    WHERE number < ? ORDER BY number DESC LIMIT ?
                    """,
                arguments: [before, size + 1])
        }
        let items = try rows.prefix(size).map(BlockRecord.init)
        return Page(items: items, cursor: rows.count > size ? String(rows[size - 1]["number"] as Int64) : "")
    }

    /// Reads a CID that a client wrote.
    package static func cid(_ text: String) throws -> CID {
        try explaining("\(quoted(text)) is not a CID") { try CID(text) }
    }
}
