import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// The state of a document's claim about another: that it replaces it, or revokes it.
enum Claim: String, Sendable {
    /// The other document is not here, so the claim cannot be verified yet.
    case waiting
    /// The other agreed.
    case previous
    /// The other's recovery key agreed.
    case recovery
    /// The other's document came here later, and refutes it.
    case forged

    init(_ authority: Authority) { self = authority == .recovery ? .recovery : .previous }
}

/// Identities and revocations among the blocks: their claims about each other are verified when they are stored, and
/// the results kept in separate tables, so that a judgement verifies no signature.
extension BlockStore {
    /// How many documents may wait for the same identity. The request that brings the identity has to verify them, so a
    /// flood of forgeries must not wait there; an honest courier brings the oldest identity of a line first.
    static let waitingLimit = 16

    /// Stores an identity's document, and the row that lists read.
    /// - Throws: `DTAError.dataLoss` if it claims to replace an identity that is here and did not agree.
    package func insert(_ document: SignedIdentity, owner: Owner, in database: Database) throws {
        let previous = document.identity.previous
        var claim: Claim?
        if let previous {
            claim = try self.claim(document.cid, on: previous, table: "documents", column: "previous", in: database) {
                try document.verifySuccession(of: $0)
            }
        }
        try insert(document.block, document.cid, .identity, owner: owner, in: database)
        try mark(document.cid, .identity, in: database)
        try database.execute(
            sql: """
                INSERT INTO documents (cid, name, created, previous, claim) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (cid) DO UPDATE SET claim = excluded.claim WHERE claim = 'waiting'
                """,
            arguments: [
                Data(document.cid.bytes), document.identity.name, document.identity.created,
                previous.map { Data($0.bytes) }, claim?.rawValue,
            ])
        try settle(document, in: database)
    }

    /// Stores a revocation.
    /// - Throws: `DTAError.dataLoss` if the identity that it revokes is here and did not sign that.
    package func insert(_ revocation: SignedRevocation, owner: Owner, in database: Database) throws {
        let claim = try self.claim(
            revocation.cid, on: revocation.revokes, table: "revocations", column: "revokes", in: database
        ) { try revocation.verify(of: $0) }
        try insert(revocation.block, revocation.cid, .revocation, owner: owner, in: database)
        try mark(revocation.cid, .revocation, in: database)
        try database.execute(
            sql: """
                INSERT INTO revocations (cid, revokes, at, claim) VALUES (?, ?, ?, ?)
                ON CONFLICT (cid) DO UPDATE SET claim = excluded.claim WHERE claim = 'waiting'
                """,
            arguments: [
                Data(revocation.cid.bytes), Data(revocation.revokes.bytes), revocation.at, claim.rawValue,
            ])
    }

    /// An earlier version may have stored the same block without knowing its kind.
    private func mark(_ cid: CID, _ kind: BlockKind, in database: Database) throws {
        try database.execute(
            sql: "UPDATE blocks SET kind = ? WHERE cid = ? AND kind != ?",
            arguments: [kind.rawValue, Data(cid.bytes), kind.rawValue])
    }

    private func claim(
        _ cid: CID, on other: CID, table: String, column: String, in database: Database,
        verify: (SignedIdentity) throws -> Authority
    ) throws -> Claim {
        if let identity = try identity(other, in: database) {
            let what = table == "documents" ? "says that it replaces" : "says that it revokes"
            return try explaining("the document \(cid) \(what) \(other), which did not agree") {
                Claim(try verify(identity))
            }
        }
        let waiting = try Int.fetchOne(
            database,
            sql: "SELECT count(*) FROM \(table) WHERE \(column) = ? AND claim = 'waiting' AND cid != ?",
            arguments: [Data(other.bytes), Data(cid.bytes)])
        guard let waiting, waiting < BlockStore.waitingLimit else {
            throw DTAError(
                .resourceExhausted,
                "\(BlockStore.waitingLimit) documents wait here for the identity \(other) already, and no more may",
                hint: "bring the document of that identity first: then each of them can be verified")
        }
        return .waiting
    }

    /// Verifies the claims that waited for an identity.
    private func settle(_ identity: SignedIdentity, in database: Database) throws {
        for cid in try waiting(for: identity.cid, table: "documents", column: "previous", in: database) {
            let successor = try self.identity(cid, in: database)
            try settle(cid, "documents", (try? successor?.verifySuccession(of: identity)) ?? nil, in: database)
        }
        for cid in try waiting(for: identity.cid, table: "revocations", column: "revokes", in: database) {
            let revocation = try storedBytes(cid, in: database).flatMap { try? SignedRevocation(block: $0, named: cid) }
            try settle(cid, "revocations", (try? revocation?.verify(of: identity)) ?? nil, in: database)
        }
    }

    private func settle(_ cid: CID, _ table: String, _ authority: Authority?, in database: Database) throws {
        let claim = authority.map(Claim.init) ?? .forged
        try database.execute(
            sql: "UPDATE \(table) SET claim = ? WHERE cid = ?", arguments: [claim.rawValue, Data(cid.bytes)])
    }

    private func waiting(for cid: CID, table: String, column: String, in database: Database) throws -> [CID] {
        try Data.fetchAll(
            database, sql: "SELECT cid FROM \(table) WHERE \(column) = ? AND claim = 'waiting'",
            arguments: [Data(cid.bytes)]
        ).map { data in try explaining("the table of \(table) is damaged") { try CID(bytes: [UInt8](data)) } }
    }

    /// The document of an identity, if it is here undamaged.
    package func identity(_ cid: CID, in database: Database) throws -> SignedIdentity? {
        try storedBytes(cid, in: database).flatMap { try? SignedIdentity(block: $0, named: cid) }
    }

    /// A block, as lists show it.
    package func record(_ cid: CID, in database: Database) throws -> BlockRecord? {
        try Row.fetchOne(
            database, sql: "SELECT \(BlockRecord.columns) FROM blocks WHERE cid = ?", arguments: [Data(cid.bytes)]
        ).map(BlockRecord.init)
    }

    private func storedBytes(_ cid: CID, in database: Database) throws -> [UInt8]? {
        let row = try Row.fetchOne(
            database, sql: "SELECT bytes FROM blocks WHERE cid = ?", arguments: [Data(cid.bytes)])
        return (row?["bytes"] as Data?).map { [UInt8]($0) }
    }
}
