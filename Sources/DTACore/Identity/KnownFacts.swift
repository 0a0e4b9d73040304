import DTAFormats
import DTASystem
import Foundation
import GRDB

/// What the ledger knows of identities, as facts for a judgement, in one consistent reading of it. What it was asked once
/// it remembers: somebody's made-up line of a thousand links must not be read again for each of them in a list.
struct KnownFacts: SuccessionFacts {
    let database: Database
    private let memory = Memory()

    init(database: Database) { self.database = database }

    private final class Memory {
        var successors: [CID: [Succession]] = [:]
        var predecessors: [CID: CID?] = [:]
        var revoked: [CID: Bool] = [:]
        var trust: [CID: TrustRow?] = [:]
    }

    private static let verified = "('previous', 'recovery')"

    func successors(of cid: CID) throws -> [Succession] {
        if let known = memory.successors[cid] { return known }
        let statement = try database.cachedStatement(
            sql: """
                SELECT * FROM (SELECT cid, claim FROM documents WHERE previous = ? AND claim = 'recovery' LIMIT 2)
                UNION ALL
                SELECT * FROM (SELECT cid, claim FROM documents WHERE previous = ? AND claim = 'previous' LIMIT 2)
                """)
        let rows = try Row.fetchAll(statement, arguments: [Data(cid.bytes), Data(cid.bytes)])
        let found: [Succession] = try rows.compactMap { row in
            guard let authority = Authority(rawValue: row["claim"]) else { return nil }
            return Succession(try KnownFacts.cid(row["cid"]), by: authority)
        }
        memory.successors[cid] = found
        return found
    }

    func predecessor(of cid: CID) throws -> CID? {
        if let known = memory.predecessors[cid] { return known }
        let statement = try database.cachedStatement(
            sql: "SELECT previous FROM documents WHERE cid = ? AND claim IN \(KnownFacts.verified)")
        let found = try Data.fetchOne(statement, arguments: [Data(cid.bytes)]).map(KnownFacts.cid)
        memory.predecessors.updateValue(found, forKey: cid)
        return found
    }

    func isRevoked(_ cid: CID) throws -> Bool {
        if let known = memory.revoked[cid] { return known }
        let statement = try database.cachedStatement(
            sql: "SELECT EXISTS (SELECT 1 FROM revocations WHERE revokes = ? AND claim IN \(KnownFacts.verified))")
        let found = try Bool.fetchOne(statement, arguments: [Data(cid.bytes)]) ?? false
        memory.revoked[cid] = found
        return found
    }

    /// Whether an identity's document is here, and is not refuted by the one of its predecessor.
    func isKnown(_ cid: CID) throws -> Bool {
        let statement = try database.cachedStatement(
            sql: "SELECT EXISTS (SELECT 1 FROM documents WHERE cid = ? AND claim IS NOT 'forged')")
        return try Bool.fetchOne(statement, arguments: [Data(cid.bytes)]) ?? false
    }

    /// What somebody here said of an identity.
    func trustRow(of cid: CID) throws -> TrustRow? {
        if let known = memory.trust[cid] { return known }
        let statement = try database.cachedStatement(sql: "SELECT * FROM trust WHERE cid = ?")
        let found = try Row.fetchOne(statement, arguments: [Data(cid.bytes)]).map(TrustRow.init)
        memory.trust.updateValue(found, forKey: cid)
        return found
    }

    static func cid(_ data: Data) throws -> CID {
        try explaining("the ledger's tables of identities are damaged") { try CID(bytes: [UInt8](data)) }
    }
}

/// Whom this host trusts or distrusts by name.
struct TrustRow {
    let cid: CID
    let alias: String?
    let url: String
    let isTrusted: Bool

    init(_ row: Row) throws {
        cid = try KnownFacts.cid(row["cid"])
        alias = row["alias"]
        url = row["url"]
        isTrusted = row["state"] as String == "trusted"
    }
}
