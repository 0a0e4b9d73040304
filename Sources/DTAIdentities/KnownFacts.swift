import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// What the ledger knows about identities, as facts for a judgement, in one consistent read. It remembers each answer:
/// a stranger's invented line of a thousand links must not be read again for each link in a list.
package struct KnownFacts: SuccessionFacts {
    private enum Source {
        case database(Database, Found)
        case memory(FactMemory, epoch: UInt64)
    }

    private final class Found {
        var facts: [CID: IdentityFacts] = [:]
    }

    private let source: Source

    package init(database: Database) { source = .database(database, Found()) }

    /// Uses only what is remembered of one state of the tables; otherwise it throws `FactMemory.NotRemembered`.
    init(remembered memory: FactMemory, epoch: UInt64) { source = .memory(memory, epoch: epoch) }

    /// The facts that were read so far.
    var found: [CID: IdentityFacts] {
        if case .database(_, let found) = source { found.facts } else { [:] }
    }

    private static let verified = "('previous', 'recovery')"

    package func successors(of cid: CID) throws -> [Succession] {
        try fact(\.successors, of: cid) { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT * FROM (SELECT cid, claim FROM documents WHERE previous = ? AND claim = 'recovery' LIMIT 2)
                    UNION ALL
                    SELECT * FROM (SELECT cid, claim FROM documents WHERE previous = ? AND claim = 'previous' LIMIT 2)
                    """)
            let rows = try Row.fetchAll(statement, arguments: [Data(cid.bytes), Data(cid.bytes)])
            return try rows.compactMap { row in
                guard let authority = Authority(rawValue: row["claim"]) else { return nil }
                return Succession(try KnownFacts.cid(row["cid"]), by: authority)
            }
        }
    }

    package func predecessor(of cid: CID) throws -> CID? {
        try fact(\.predecessor, of: cid) { database in
            let statement = try database.cachedStatement(
                sql: "SELECT previous FROM documents WHERE cid = ? AND claim IN \(KnownFacts.verified)")
            return try Data.fetchOne(statement, arguments: [Data(cid.bytes)]).map(KnownFacts.cid)
        }
    }

    package func isRevoked(_ cid: CID) throws -> Bool {
        try fact(\.isRevoked, of: cid) { database in
            let statement = try database.cachedStatement(
                sql: "SELECT EXISTS (SELECT 1 FROM revocations WHERE revokes = ? AND claim IN \(KnownFacts.verified))")
            return try Bool.fetchOne(statement, arguments: [Data(cid.bytes)]) ?? false
        }
    }

    /// Whether an identity's document is here, and its predecessor's document does not refute it.
    package func isKnown(_ cid: CID) throws -> Bool {
        try fact(\.isKnown, of: cid) { database in
            let statement = try database.cachedStatement(
                sql: "SELECT EXISTS (SELECT 1 FROM documents WHERE cid = ? AND claim IS NOT 'forged')")
            return try Bool.fetchOne(statement, arguments: [Data(cid.bytes)]) ?? false
        }
    }

    /// This host's decision about an identity.
    func trustRow(of cid: CID) throws -> TrustRow? {
        try fact(\.trust, of: cid) { database in
            let statement = try database.cachedStatement(sql: "SELECT * FROM trust WHERE cid = ?")
            return try Row.fetchOne(statement, arguments: [Data(cid.bytes)]).map(TrustRow.init)
        }
    }

    private func fact<Fact>(
        _ path: WritableKeyPath<IdentityFacts, Fact?>, of cid: CID, _ read: (Database) throws -> Fact
    ) throws -> Fact {
        switch source {
        case .memory(let memory, let epoch):
            guard let fact = try memory.facts(of: cid, epoch: epoch)[keyPath: path] else {
                throw FactMemory.NotRemembered()
            }
            return fact
        case .database(let database, let found):
            if let known = found.facts[cid]?[keyPath: path] { return known }
            let fact = try read(database)
            found.facts[cid, default: IdentityFacts()][keyPath: path] = fact
            return fact
        }
    }

    static func cid(_ data: Data) throws -> CID {
        try explaining("the ledger's tables of identities are damaged") { try CID(bytes: [UInt8](data)) }
    }
}

/// This host's decision to trust or distrust an identity, with its alias.
struct TrustRow: Sendable {
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
