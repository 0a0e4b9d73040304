import DTAFormats
import DTALedger
import DTASystem
import Foundation
import GRDB

/// All that is known here about one line of identities.
package struct IdentityHistory: Sendable {
    /// The oldest first.
    package let identities: [KnownIdentity]
    /// Their documents, then revocations, in the order in which another host should import them.
    package let blocks: [BlockRecord]
}

extension IdentityService {
    /// The most identities in a history, and the most revocations of each.
    private static let historyLimit = 256
    private static let revocationLimit = 4

    /// The identities that an identity replaced, all that replace them with consent, and revocations.
    package func history(_ subject: String) throws -> IdentityHistory {
        let cid = try cid(subject)
        _ = try document("\(cid)")
        return try blocks.store.read { database in
            let facts = KnownFacts(database: database)
            let line = try self.line(of: cid, facts, in: database)
            let identities = try line.compactMap { cid in
                try blocks.identity(cid, in: database).map { try known($0, facts) }
            }
            let revocations = try line.flatMap { try self.revocations(of: $0, in: database) }
            return IdentityHistory(
                identities: identities,
                blocks: try (line + revocations).compactMap { try blocks.record($0, in: database) })
        }
    }

    /// From the oldest known identity to the believed one, then those that lead to `cid`, then all others level by
    /// level: so a thief's thousand rivals do not crowd out the others.
    private func line(of cid: CID, _ facts: KnownFacts, in database: Database) throws -> [CID] {
        let judge = IdentityJudge(facts)
        var line: [CID] = []
        var seen: Set<CID> = []
        for end in [try judge.newest(of: cid).cid, cid] {
            line += try ([end] + judge.ancestors(of: end)).reversed().filter { seen.insert($0).inserted }
        }
        line.removeLast(max(0, line.count - IdentityService.historyLimit))
        var next = 0
        while next < line.count, line.count < IdentityService.historyLimit {
            let successors = try Data.fetchAll(
                database,
                sql: """
                    SELECT cid FROM documents WHERE previous = ? AND claim IN ('previous', 'recovery')
                    ORDER BY claim DESC, created, cid LIMIT ?
                    """,
                arguments: [Data(line[next].bytes), IdentityService.historyLimit])
            let new = try successors.map(KnownFacts.cid).filter { seen.insert($0).inserted }
            line += new.prefix(IdentityService.historyLimit - line.count)
            next += 1
        }
        return line
    }

    private func revocations(of cid: CID, in database: Database) throws -> [CID] {
        try Data.fetchAll(
            database,
            sql: """
                SELECT cid FROM revocations WHERE revokes = ? AND claim IN ('previous', 'recovery')
                ORDER BY claim DESC, at, cid LIMIT ?
                """,
            arguments: [Data(cid.bytes), IdentityService.revocationLimit]
        ).map(KnownFacts.cid)
    }
}
