import AgentProtocol
import Crypto
import DTASystem
import Foundation
import TestSupport
import Testing

/// A state of version 0.1.0 beside its token. Private keys are never committed, so this version makes them, and what is in
/// the state beside them is taken back to what 0.1.0 wrote: its tables, and a log whose records name no changes.
///
/// What later versions seal otherwise, keys of `sign` orders and post-quantum keys, is in `KeyBindingTests`.
@Suite("A state with the tables of version 0.1.0", .ownThread)
struct OldTablesTests {
    private let agent: TestAgent
    private var log: String { agent.state + "/audit/audit-000000000001.jsonl" }

    init() throws { agent = try TestAgent(more: automaticOrders) }

    /// What the migrations after 0.1.0 did, undone.
    static let back = """
        DROP TABLE key_bindings; DROP TABLE audit_files; DROP TABLE audit_end; DROP TABLE state_change;
        DROP TABLE token; DROP TABLE key_ids; DROP TABLE key_certificates; DROP INDEX orders_destroying; ALTER TABLE orders DROP COLUMN destroying;
        DELETE FROM grdb_migrations
        WHERE identifier IN ('key-bindings', 'destructions', 'audit-memory', 'token', 'key-views');
        """

    private func age() throws {
        try agent.change(Self.back)
        var previous = String(repeating: "0", count: 64)
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map { line in
            let old = line.replacing(/,"change":[0-9]+/, with: "")
                .replacing(/"prev":"[0-9a-f]{64}"/, with: "\"prev\":\"\(previous)\"")
            previous = SHA256.hash(data: Data(old.utf8)).map { String(format: "%02x", $0) }.joined()
            return String(old) + "\n"
        }
        try agent.directory.write("state/audit/audit-000000000001.jsonl", lines.joined())
    }

    private func auditIsSound() throws {
        let said = try run(Binary.path("dtactl"), ["audit", "verify", log])
        #expect(said.status == 0, "\(said.text)\(said.errors)")
    }

    @Test("is taken over: its keys sign, its envelopes open, its orders are redeemed, and its log goes on")
    func goesOn() throws {
        let client = agent.client()
        let key = try #require(client.call(.createKey("k", type: .p256)).keys.first).name
        let signature = try client.call(.sign(key: key, message: [1])).data
        for name in ["alice", "bank"] { _ = try client.call(.createIdentity(name)) }
        let letter = try client.call(.sealEnvelope(.init(from: "alice", to: ["bank"]), plaintext: [7])).cid
        let order = try #require(client.call(newOrder()).orders.first).cid
        let over = try #require(client.call(newOrder()).orders.first).cid
        _ = try client.call(.redeemOrder(over))
        let secret = try client.call(.orderResult(over)).data
        #expect(agent.stop() == 0)
        try age()
        try auditIsSound()

        try agent.startServing()
        let later = agent.client()
        #expect(try later.call(.verify(key: key, message: [1], signature: signature)).valid)
        #expect(try later.call(.sign(key: key, message: [1])).data.count == 64)
        #expect(try later.call(.openEnvelope(letter, as: "bank")).data == Data([7]))
        #expect(try later.call(.redeemOrder(order)).orders.first?.state == "exhausted")
        #expect(try later.call(.orderResult(order)).data.count == 32)
        #expect(try later.call(.orderResult(over)).data == secret)
        #expect(try later.call(newOrder()).orders.first?.state == "committed")
        #expect(agent.stop() == 0)
        try auditIsSound()

        let checked = try run(Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(checked.status == 0, "\(checked.text)")
    }
}
