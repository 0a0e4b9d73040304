import AgentProtocol
import Crypto
import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// An agent whose state an earlier release has written: its sealed blobs name keys by their ids.
@Suite("An agent with keys that an earlier release sealed", .ownThread)
struct KeyBindingTests {
    private let agent: TestAgent
    private let order: String
    private let identity: String
    private let tool: SealingTool

    init() throws {
        agent = try TestAgent(more: automaticOrders)
        tool = try SealingTool()
        let client = agent.client()
        for name in ["alice", "bank"] { _ = try client.call(.createIdentity(name)) }
        identity = try client.call(.createIdentity("post", postQuantum: true)).cid
        order = try #require(
            client.call(
                newOrder {
                    $0.type = "sign"
                    $0.maxUses = 9
                    $0.fields = [AgentField(name: "algorithm", value: "p256")]
                }
            ).orders.first
        ).cid
    }

    // MARK: The commands of docs/operations.md

    private func dtad(_ arguments: String...) throws -> Finished {
        try run(Binary.path("dtad"), arguments + ["--config", agent.configuration])
    }

    /// - Returns: what dtad-hsm said.
    @discardableResult
    private func bind(_ round: Int, _ copies: [String], pinFile: String? = nil) throws -> String {
        let (unbound, bound) = (agent.directory.file("unbound\(round)"), agent.directory.file("bound\(round)"))
        let exported = try dtad("bindings", "export", unbound)
        #expect(exported.status == 0, "\(exported.errors)")
        let said = try run(
            Binary.path("dtad-hsm"),
            ["--bind-order-keys", "--config", agent.configuration, "--input", unbound, "--output", bound]
                + (pinFile.map { ["--pin-file", $0] } ?? []) + copies)
        #expect(said.status == 0, "\(said.text)\(said.errors)")
        let imported = try dtad("bindings", "import", bound)
        #expect(imported.status == 0, "\(imported.errors)")
        #expect(imported.text.contains("bound     2 keys") && !imported.text.contains("left"), "\(imported.text)")
        return said.text
    }

    private func copyOfPrincipal() throws -> String {
        let copy = agent.directory.file("order.car")
        let sent = try run(
            Binary.path("dtactl"), ["order", "send", order, "--out", copy, "--socket", agent.socketPath])
        #expect(sent.status == 0, "\(sent.errors)")
        return copy
    }

    // MARK: What an earlier release would have written

    private func associatedData(
        _ domain: String, _ number: UInt32, _ purpose: String, _ owner: Int, _ id: [UInt8]
    ) throws -> [UInt8] {
        try DAGCBOR.encode(
            .list([
                .text(domain), .unsigned(UInt64(number)), .text(purpose), .unsigned(UInt64(owner)), .bytes(id),
            ]))
    }

    private func sql(_ script: String, _ values: [UInt8]...) throws -> String {
        let program = """
            import sqlite3, sys
            base = sqlite3.connect(sys.argv[1])
            values = [bytes.fromhex(value) for value in sys.argv[2:]]
            \(script)
            base.commit()
            """
        let done = try run(
            "/usr/bin/python3",
            ["-c", program, agent.state + "/state.sqlite"]
                + values.map { hex($0) })
        guard done.status == 0 else { throw TestFailure(done.errors) }
        return done.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Puts blobs of an earlier release in the place of those that this one sealed: the agent is stopped and started.
    private func age() throws {
        let part1 = try SignedEnvelope(block: [UInt8](agent.client().call(.getBlock(order)).data))
        let plaintext = try [UInt8](agent.client().call(.openEnvelope(order)).data)
        #expect(agent.stop() == 0)
        let place = try SealingTool.Place(agent)
        let row = try sql(
            "print(*[v.hex() if isinstance(v, bytes) else v for v in base.execute('SELECT object, owner_uid, epoch FROM "
                + "order_secrets WHERE object IS NOT NULL').fetchone()])"
        ).split(separator: " ")
        let (object, owner) = (try bytes(row[0]), try #require(Int(row[1])))
        let epoch = try #require(UInt32(row[2]))
        let record = try DAGCBOR.encode(
            .map([
                "by": .link(part1.envelope.header.from), "object": .bytes(object), "order": .bytes(plaintext),
                "thread": .bytes(part1.envelope.header.thread),
            ]))
        let blob = try tool.seal(
            [UInt8](repeating: 0, count: 32) + record, "epoch", number: epoch,
            aad: associatedData("dta/epoch/1", epoch, "order", owner, part1.cid.bytes), at: place)
        _ = try sql("base.execute('UPDATE order_secrets SET blob = ? WHERE object IS NOT NULL', values)", blob)

        let post = try sql(
            "print(*[v.hex() if isinstance(v, bytes) else v for v in base.execute('SELECT signing_object, owner_uid, "
                + "pq_public, pq_seed FROM identities WHERE pq_seed IS NOT NULL').fetchone()])"
        ).split(separator: " ")
        let id = try bytes(post[0]) + Array(SHA256.hash(data: bytes(post[2])))
        let uid = try #require(Int(post[1]))
        func aad(_ domain: String) throws -> [UInt8] { try associatedData(domain, 1, "ml-dsa-65 seed", uid, id) }
        let seed = try tool.open(bytes(post[3]), "seal", aad: aad("dta/seal/2"), at: place).prefix(32)
        let old = try tool.seal(Array(seed), "seal", aad: aad("dta/seal/1"), at: place)
        _ = try sql("base.execute('UPDATE identities SET pq_seed = ? WHERE pq_seed IS NOT NULL', values)", old)
        try agent.start()
    }

    private func isUnbound() throws {
        #expect(agent.log.contains("1 key of an order and 1 post-quantum key of an identity were sealed by an earlier"))
        let checked = try dtad("check")
        #expect(checked.status == 0, "\(checked.text)")
        #expect(
            checked.text.contains("note  bindings") && checked.text.contains("--bind-order-keys"), "\(checked.text)")
        let client = agent.client()
        let shown = try #require(client.call(.showOrder(order)).orders.first)
        #expect(shown.nextStep.step == "bind" && shown.next.contains("binds its key"), "\(shown.next)")
        // The rules would release it; it stays open, and who tries is told what helps.
        if shown.state != "requested" { _ = try client.call(ask) }
        let refused = try client.refusal(.fulfilOrder(order, decision: "release"))
        #expect(refused.code == .failedPrecondition && refused.hint.contains("binds it"), "\(refused)")
        let sealing = try client.refusal(.revokeIdentity("post"))
        #expect(sealing.code == .failedPrecondition && sealing.hint.contains("binds it"), "\(sealing)")
    }

    /// All lines of the audit log.
    private func audit() throws -> String {
        try FileManager.default.contentsOfDirectory(atPath: agent.state + "/audit").map {
            try String(contentsOfFile: agent.state + "/audit/" + $0, encoding: .utf8)
        }.joined()
    }

    private var ask: AgentRequest {
        .redeemOrder(
            order, fields: [(name: "digest", value: String(repeating: "07", count: 32))])
    }

    /// Has it sign, and verifies the signature under the key that was committed to.
    private func signs() throws {
        let client = agent.client()
        let now = try #require(client.call(.showOrder(order)).orders.first)
        let answer =
            now.state == "requested"
            ? try client.call(.fulfilOrder(order, decision: "release")) : try client.call(ask)
        #expect(answer.orders.first?.state == "released")
        let signature = try [UInt8](client.call(.orderResult(order)).data)
        let key = try PublicKey(.p256, raw: [UInt8](now.commitment))
        #expect(try key.isValid(signature: signature, digest: [UInt8](repeating: 7, count: 32)))
    }

    @Test(
        "an agent with keys that an earlier release sealed does not use them until an administrator has bound them, and records that; after an older backup once more"
    )
    func story() throws {
        try signs()
        let copy = try copyOfPrincipal()
        try age()
        try isUnbound()
        let backup = agent.directory.file("backup.tar")
        #expect(try dtad("backup", backup).status == 0)
        let running = try dtad("bindings", "export", agent.directory.file("while-running"))
        #expect(running.status == 1 && running.errors.contains("another dtad runs"), "\(running.errors)")
        let beside = try run(
            Binary.path("dtad-hsm"),
            [
                "--bind-order-keys", "--config", agent.configuration, "--input", backup, "--output",
                agent.directory.file("none"),
            ])
        #expect(beside.status == 1 && beside.errors.contains("dtad is running"), "\(beside.errors)")

        #expect(agent.stop() == 0)
        let said = try bind(1, [copy])
        #expect(said.contains("bound      order \(order)") && said.contains("bound      identity \(identity)"))
        try agent.start()
        try signs()
        #expect(try dtad("check").text.contains("bindings") == false)
        let audit = try audit()
        #expect(audit.contains("an administrator bound the key of order \(order)"), "\(audit.suffix(2000))")
        #expect(audit.contains("an administrator bound the post-quantum key of identity \(identity)"))
        #expect(agent.stop() == 0)
        try agent.start()
        #expect(try self.audit().components(separatedBy: "bound the key of order").count == 2, "once")

        // The state of before comes back, in the place of this one.
        #expect(agent.stop() == 0)
        let target = agent.directory.file("restored")
        #expect(try run(Binary.path("dtad"), ["restore", backup, "--state", target]).status == 0)
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        try text.replacingOccurrences(of: "state: \"\(agent.state)\"", with: "state: \"\(target)\"")
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        try agent.start()
        try isUnbound()
        #expect(agent.stop() == 0)
        try bind(2, [copy])
        try agent.start()
        _ = try agent.client().call(.fulfilOrder(order, decision: "resume"))
        try signs()
        _ = try agent.client().call(.revokeIdentity("post"))
    }

    @Test(
        "an agent with keys that an earlier release sealed has each of the commands, run by root, work as the owner of what it opens",
        .enabled(if: OtherUser.arePossible)
    )
    func owners() throws {
        let copy = try copyOfPrincipal()
        try age()
        #expect(agent.stop() == 0)
        chmod(agent.directory.path, 0o711)
        #expect(try run("chown", ["-R", "33:33", agent.state]).status == 0)
        // The PIN and the configuration are root's, as `dtad init` leaves them for the units.
        #expect(try run("chown", ["root", agent.state + "/hsm-pin", agent.configuration]).status == 0)
        try bind(1, [copy], pinFile: agent.state + "/hsm-pin")
        let foreign = try run("find", [agent.state, "-not", "-user", "33", "-not", "-name", "hsm-pin"]).text
        #expect(foreign.trimmingCharacters(in: .newlines) == agent.configuration, "\(foreign)")
        let mode = try FileManager.default.attributesOfItem(atPath: agent.directory.file("bound1"))
        #expect(mode[.posixPermissions] as? Int == 0o600 && mode[.ownerAccountID] as? Int == 0)
        #expect(try run("chown", ["-R", "root:root", agent.state]).status == 0)
        try agent.start()
        try signs()
    }
}
