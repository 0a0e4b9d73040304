import DTAFormats
import DTASystem
import Foundation
import GRDB

/// What the ledger knows of identities, as facts for a judgement, in one consistent reading of it.
struct KnownFacts: SuccessionFacts {
    let database: Database

    private static let verified = "('previous', 'recovery')"

    func successors(of cid: CID) throws -> [Succession] {
        let statement = try database.cachedStatement(
            sql: """
                SELECT * FROM (SELECT cid, claim FROM documents WHERE previous = ? AND claim = 'recovery' LIMIT 2)
                UNION ALL
                SELECT * FROM (SELECT cid, claim FROM documents WHERE previous = ? AND claim = 'previous' LIMIT 2)
                """)
        return try Row.fetchAll(statement, arguments: [Data(cid.bytes), Data(cid.bytes)]).compactMap { row in
            guard let authority = Authority(rawValue: row["claim"]) else { return nil }
            return Succession(try KnownFacts.cid(row["cid"]), by: authority)
        }
    }

    func predecessor(of cid: CID) throws -> CID? {
        let statement = try database.cachedStatement(
            sql: "SELECT previous FROM documents WHERE cid = ? AND claim IN \(KnownFacts.verified)")
        return try Data.fetchOne(statement, arguments: [Data(cid.bytes)]).map(KnownFacts.cid)
    }

    func isRevoked(_ cid: CID) throws -> Bool {
        let statement = try database.cachedStatement(
            sql: "SELECT EXISTS (SELECT 1 FROM revocations WHERE revokes = ? AND claim IN \(KnownFacts.verified))")
        return try Bool.fetchOne(statement, arguments: [Data(cid.bytes)]) ?? false
    }

    /// Whether an identity's document is here, and is not refuted by the one of its predecessor.
    func isKnown(_ cid: CID) throws -> Bool {
        let statement = try database.cachedStatement(
            sql: "SELECT EXISTS (SELECT 1 FROM documents WHERE cid = ? AND claim IS NOT 'forged')")
        return try Bool.fetchOne(statement, arguments: [Data(cid.bytes)]) ?? false
    }

    /// What somebody here said of an identity.
    func trustRow(of cid: CID) throws -> TrustRow? {
        let statement = try database.cachedStatement(sql: "SELECT * FROM trust WHERE cid = ?")
        return try Row.fetchOne(statement, arguments: [Data(cid.bytes)]).map(TrustRow.init)
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
