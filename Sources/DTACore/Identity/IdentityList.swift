import DTAFormats
import DTASystem
import Foundation
import GRDB

extension IdentityService {
    /// The identities known here: first those whose private keys are here, by name, then others, in the order in which
    /// they arrived. The agent's own is shown to administrators.
    public func list(_ caller: Caller, count: UInt32, cursor: String) throws -> Page<KnownIdentity> {
        let size = try PageSize.of(count)
        switch try Cursor(cursor) {
        case .own(let name):
            let own = index.all.filter { $0.name > name && ($0.owner != .agent || caller.isAdministrator) }
                .sorted { $0.name < $1.name }
            if own.count > size {
                return Page(items: own.prefix(size).map(\.known), cursor: "own:\(own[size - 1].name)")
            }
            let rest = size - own.count
            let others = try others(after: 0, count: rest)
            return Page(items: own.map(\.known) + others.items, cursor: others.cursor)
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

    private func others(after: Int64, count: Int) throws -> Page<KnownIdentity> {
        let rows = try blocks.store.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT blocks.number, blocks.cid, documents.name, documents.created
                    FROM documents JOIN blocks ON blocks.cid = documents.cid
                    WHERE blocks.number > ? AND documents.cid NOT IN (SELECT cid FROM identities)
                    ORDER BY blocks.number LIMIT ?
                    """,
                arguments: [after, count + 1])
        }
        let items = try rows.prefix(count).map { row in
            KnownIdentity(
                cid: try explaining("the table of documents is damaged") {
                    try CID(bytes: [UInt8](row["cid"] as Data))
                },
                name: row["name"], owner: nil, created: row["created"])
        }
        let last: Int64 = count == 0 ? after : rows.prefix(count).last?["number"] ?? after
        return Page(items: items, cursor: rows.count > count ? "other:\(last)" : "")
    }
}
