import DTAFormats
import DTASystem
import Foundation
import GRDB
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAOrders

/// `Tests/states` has what dtad 0.1.0 wrote and told. `OldTablesTests` goes on with the keys of such a state.
@Suite("A state that version 0.1.0 wrote")
struct EarlierStateTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
        path: "../states/0.1.0"
    ).standardizedFileURL

    private let directory: TemporaryDirectory
    private let host: Host

    init() throws {
        directory = try TemporaryDirectory()
        let database = try DatabaseQueue(path: directory.file("state.sqlite"))
        try database.writeWithoutTransaction { try $0.execute(sql: try EarlierStateTests.text("state.sql")) }
        try database.close()
        try FileManager.default.createDirectory(
            atPath: directory.file("audit"), withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let log = "audit-000000000001.jsonl"
        try directory.write("audit/" + log, EarlierStateTests.text(log))
        chmod(directory.file("audit/" + log), 0o600)
        host = try Host(directory.path)
    }

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    /// What its dtactl told: a line for each item.
    private func told(_ name: String) throws -> [[String: String]] {
        try EarlierStateTests.text(name).split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
            return object.compactMapValues { $0 as? String ?? ($0 as? Int).map(String.init) }
        }
    }

    @Test("has the keys that it had")
    func keys() throws {
        let keys = try host.core.keys.list(root, count: 100, cursor: "").items
        let told = try told("keys.jsonl")
        #expect(keys.map(\.name) == told.map { $0["name"] })
        #expect(keys.map { "\($0.created)" } == told.map { $0["created"] })
        #expect(try keys.map { try $0.publicHalf()?.pem } == told.map { $0["public_key"] })
    }

    @Test("has the identities that it had, each with the same standing")
    func identities() throws {
        let identities = try host.core.identities.list(root, count: 100, cursor: "").items
        let told = try told("identities.jsonl")
        #expect(identities.map { "\($0.cid)" } == told.map { $0["cid"] })
        #expect(identities.map(\.name) == told.map { $0["name"] })
        #expect(identities.map { "\($0.standing)" } == told.map { $0["standing"] })
        #expect(identities.map { $0.previous.map { "\($0)" } } == told.map { $0["previous"] })
    }

    @Test("has the orders that it had, each in the same state")
    func orders() throws {
        let orders = try host.core.orders.list(root, count: 100, cursor: "", filters: OrderFilters([])).items
        let told = try told("orders.jsonl")
        #expect(orders.map { "\($0.cid)" } == told.map { $0["cid"] })
        #expect(orders.map(\.reference) == told.map { $0["reference"] })
        #expect(orders.map { $0.state.rawValue } == told.map { $0["state"] })
        #expect(orders.map { "\($0.uses)" } == told.map { $0["uses"] })
    }

    @Test("has the tables of a new state, but for their rows")
    func tables() throws {
        let fresh = try Host()
        func tables(_ host: Host) throws -> [String] {
            try host.core.store.read {
                try String.fetchAll(
                    $0, sql: "SELECT name || ': ' || sql FROM sqlite_master WHERE sql NOTNULL ORDER BY 1")
            }
        }
        #expect(try tables(host) == tables(fresh))
    }

    @Test("goes on: its log, new identities, and envelopes to those that it knew")
    func goesOn() throws {
        let letter = try EarlierStateTests.text("letter.cid").trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try host.core.ledger.get(letter).bytes.isEmpty == false)
        try host.core.recover(host.custodian)
        try host.identity("erin", of: root)
        let bank = try #require(
            try host.core.identities.list(root, count: 100, cursor: "").items.first { $0.name == "bank" })
        let sealed = try host.core.envelopes.seal(
            root, sender: "erin", recipients: ["\(bank.cid)"], data: [1], contentType: "text/plain")(host.custodian)
        #expect(try host.core.envelopes.thread(of: "\(sealed)", count: 10, cursor: "").items.count == 1)
    }
}
