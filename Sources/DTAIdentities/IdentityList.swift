import DTACore
import DTAFormats
import DTASystem
import Foundation
import GRDB

extension IdentityService {
    /// The identities known here: first those with private keys on this host, by name, each the newest of its line;
    /// then others, in the order in which they arrived. Only administrators see the agent's own.
    package func list(_ caller: Caller, count: UInt32, cursor: String) throws -> Page<KnownIdentity> {
        let size = try PageSize.of(count)
        switch try Cursor(cursor) {
        case .own(let name):
            let own = identities.allNewest.filter { $0.name > name && ($0.owner != .agent || caller.isAdministrator) }
                .sorted { $0.name < $1.name }
            if own.count > size {
                return Page(items: try known(own.prefix(size)), cursor: "own:\(own[size - 1].name)")
            }
            let rest = size - own.count
            let others = try others(after: 0, count: rest)
            return Page(items: try known(own[...]) + others.items, cursor: others.cursor)
        case .other(let number): return try others(after: number, count: size)
        }
    }

    private enum Cursor {
        case own(after: String)
        case other(after: Int64)

        init(_ text: String) throws {
            if text.isEmpty {
                self = .own(after: "")
            } else if text.hasPrefix("own:") {
                self = .own(after: String(text.dropFirst(4)))
            } else if text.hasPrefix("other:"), let number = Int64(text.dropFirst(6)) {
                self = .other(after: number)
            } else {
                throw DTAError(.invalidArgument, "\(quoted(text)) is no cursor of the identities")
            }
        }
    }

    private func known(_ own: ArraySlice<IdentityRecord>) throws -> [KnownIdentity] {
        try blocks.store.read { database in
            let facts = KnownFacts(database: database)
            return try own.map { record in
                let statement = try database.cachedStatement(sql: "SELECT previous FROM documents WHERE cid = ?")
                let previous = try Data.fetchOne(statement, arguments: [Data(record.cid.bytes)]).map(KnownFacts.cid)
                return try known(
                    record.cid, name: record.name, created: record.created, previous: previous, facts)
            }
        }
    }

    private func others(after: Int64, count: Int) throws -> Page<KnownIdentity> {
        try blocks.store.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT blocks.number, blocks.cid, documents.name, documents.created, documents.previous
                    FROM documents JOIN blocks ON blocks.cid = documents.cid
                    WHERE blocks.number > ? AND documents.claim IS NOT 'forged'
                      AND documents.cid NOT IN (SELECT cid FROM identities)
                    ORDER BY blocks.number LIMIT ?
                    """,
                arguments: [after, count + 1])
            let facts = KnownFacts(database: database)
            let items = try rows.prefix(count).map { row in
                try known(
                    KnownFacts.cid(row["cid"]), name: row["name"], created: row["created"],
                    previous: (row["previous"] as Data?).map(KnownFacts.cid), facts)
            }
            let last: Int64 = count == 0 ? after : rows.prefix(count).last?["number"] ?? after
            return Page(items: items, cursor: rows.count > count ? "other:\(last)" : "")
        }
    }
}
