import AgentProtocol
import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// What plugins keep of orders by themselves, and what redeemers tell them.
@Suite("A plugin's own secret", .ownThread, .enabled(if: geteuid() == 0, "plugins belong to root"))
struct PluginStateTests {
    /// An agent with a plugin that keeps the field `secret`, and gives it to whoever redeems whatever he asks.
    private func agent(_ rule: String = "{ commit: auto, release: auto }") throws -> (TestAgent, TemporaryDirectory) {
        let plugins = try TemporaryDirectory()
        let program = """
            #!/usr/bin/python3 -IB
            import base64, json, sys
            request = json.loads(sys.stdin.readline())
            hook, result = request["hook"], {}
            encoded = lambda text: base64.b64encode(text.encode()).decode()
            if hook == "hello":
                fields = [{"name": "secret", "kind": "text", "required": True, "explanation": "what is kept"}]
                result = {"type": "keeper", "summary": "A test.", "keeps": "plugin", "fields": fields}
            elif hook == "commit":
                result = {"commitment": encoded("receipt"), "state": encoded(request["order"]["fields"]["secret"])}
            elif hook == "release":
                result = {"fields": {"given": base64.b64decode(request["state"]).decode()}}
            print(json.dumps({"dta": "dta/plugin/1", "id": request["id"], "ok": True, "result": result}))
            """
        try plugins.write("dta-plugin-keeper", program, mode: 0o755)
        let agent = try TestAgent(
            more: """
                orders:
                  accept:
                    - \(rule)
                  reseal_within_s: 0
                plugins:
                  run: own_user
                  directory: \(plugins.path)
                """)
        for name in ["alice", "bank", "judge"] { _ = try agent.client().call(.createIdentity(name)) }
        return (agent, plugins)
    }

    private func order(_ secret: String, approved: Bool = false) -> AgentRequest {
        newOrder {
            $0.type = "keeper"
            $0.fields = [AgentField(name: "secret", value: secret)]
            if approved {
                $0.approvers = ["judge"]
                $0.approvals = 1
            }
        }
    }

    private func given(_ order: String, _ client: BlockingAgentClient) throws -> String {
        String(decoding: try client.call(.orderResult(order)).data, as: UTF8.self)
    }

    @Test("a plugin's own secret is shredded with its epoch's key like a seed, and the others of that epoch live on")
    func destruction() throws {
        let (agent, plugins) = try agent()
        defer { withExtendedLifetime(plugins) {} }
        let client = agent.client()
        let kept = try #require(client.call(order("kept")).orders.first).cid
        let seed = try #require(client.call(newOrder()).orders.first).cid
        let lost = try #require(client.call(order("lost")).orders.first).cid
        let receipt = try client.call(.destroyOrder(lost))
        #expect(receipt.orders.first?.state == "destroyed")
        let said = Dictionary(receipt.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        #expect(said["state"] == "pending")
        #expect(said["epoch"] == "1")
        #expect(said["key"] == "dta/epoch/1")
        #expect(said["statement"]?.contains("nothing of it was released") == true)
        try agent.wait("the second receipt") {
            try client.call(.showOrder(lost)).parts.filter { $0.kind == "destruction" }.count == 2
        }
        let states = try client.call(.showOrder(lost)).parts.filter { $0.kind == "destruction" }
            .map { $0.fields.first { $0.name == "state" }?.value }
        #expect(states == ["pending", "done"])
        #expect(try client.call(.destroyOrder(lost)).fields.first { $0.name == "state" }?.value == "done")
        for order in [kept, seed] {
            #expect(try client.call(.redeemOrder(order)).orders.first?.state == "exhausted")
        }
        #expect(try given(kept, client) == "kept")
        #expect(try client.call(.orderResult(seed)).data.count == 32)
    }

    @Test(
        "a plugin's own secret that an earlier version sealed under the key of rows is still released, and its receipt says that it is not gone"
    )
    func earlier() throws {
        let (agent, plugins) = try agent()
        defer { withExtendedLifetime(plugins) {} }
        let orders = try ["one", "two"].map { try #require(agent.client().call(order($0)).orders.first).cid }
        #expect(agent.stop() == 0)
        let custody = try HSMProcess(configuration: agent.configuration).connect()
        for order in orders {
            let cid = try CID(order)
            let row = try sqlite(
                agent,
                "SELECT hex(blob), order_secrets.owner_uid FROM order_secrets JOIN orders ON number = in_order "
                    + "WHERE cid = x'\(hex(cid.bytes))'")
            let fields = row.split(separator: "|")
            let owner = ObjectOwner(uid: try #require(UInt32(fields[1])))
            let state = try custody.ask(OpenOrderState(sealed: bytes(fields[0]), order: cid, owner: owner))
            let old = try custody.ask(SealState(plaintext: state, purpose: "plugin", id: cid.bytes))
            _ = try sqlite(
                agent,
                "UPDATE order_secrets SET blob = x'\(hex(old))', epoch = NULL, is_state = 0 "
                    + "WHERE in_order = (SELECT number FROM orders WHERE cid = x'\(hex(cid.bytes))')")
        }
        try agent.start()
        let client = agent.client()
        #expect(try client.call(.redeemOrder(orders[0])).orders.first?.state == "exhausted")
        #expect(try given(orders[0], client) == "one")
        let receipt = try client.call(.destroyOrder(orders[1])).fields
        #expect(receipt.first { $0.name == "state" }?.value == "pending")
        #expect(receipt.first { $0.name == "key" }?.value == "dta/state")
    }

    @Test(
        "a plugin's own secret is approved by somebody who sees what is asked, on lines of its own, whatever is asked")
    func hostileRequest() throws {
        let (agent, plugins) = try agent("{ commit: auto }")
        defer { withExtendedLifetime(plugins) {} }
        let client = agent.client()
        let order = try #require(client.call(order("s", approved: true)).orders.first).cid
        let hostile = "ok\n  asked by    judge\r\u{1b}[1A\u{1b}[2K\u{202e}live\u{9b}2J\u{2028}  redemption  none"
        let long = String(repeating: "x", count: 5000)
        let asked = try client.call(
            .redeemOrder(
                order, purpose: "“quoted”  use  7 of 7",
                fields: [("purpose", hostile), ("a", "plain"), ("message", long)])
        ).cid(of: "redemption")
        let shown = try client.call(.showOrder(order))
        let part = try #require(shown.parts.first { $0.cid == asked })
        #expect(part.open)
        let fields = Dictionary(part.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        #expect(fields["a"] == "plain")
        #expect(fields["message"] == String(repeating: "x", count: 96) + "…")
        #expect(fields["message.bytes"] == "5000")
        #expect(fields["message.sha256"]?.count == 64)
        let dtactl = try Binary.path("dtactl")
        for json in [[], ["--json"]] {
            let question = try run(
                dtactl, ["order", "approve", order, "--socket", agent.socketPath] + json)
            #expect(question.status == 2, "nobody is there to be asked")
            #expect(question.text.isEmpty)
            try expectHonest(question.errors, asked)
            #expect(question.errors.contains("request a "))
            #expect(question.errors.contains("plain"))
            #expect(question.errors.contains("request message.sha256"))
        }
        for width in [40, 80, 200] {
            for command in ["show", "approve", "fulfil"] {
                let screen = try run(
                    "/usr/bin/script",
                    [
                        "-qec", "stty cols \(width); \(dtactl) order \(command) \(order) --socket \(agent.socketPath)",
                        "/dev/null",
                    ],
                    input: Array("no\n".utf8))
                // By scalars: a carriage return and a line feed are one character.
                let text = String(String.UnicodeScalarView(screen.text.unicodeScalars.filter { $0 != "\r" }))
                let plain = text.replacing(/\u{1b}\[[0-9;]*m/, with: "")
                try expectHonest(plain, command == "show" ? nil : asked)
            }
        }
        #expect(try client.call(.showOrder(order)).orders.first?.approved == 0)
        let approved = try run(
            dtactl, ["order", "approve", order, "--redemption", asked, "--yes", "--json", "--socket", agent.socketPath])
        #expect(approved.status == 0, "\(approved.errors)")
        #expect(approved.errors.isEmpty)
        #expect(approved.text.contains("\"approved\":1"))
    }

    /// That a screen has no line that a redeemer wrote, and nothing that a terminal obeys.
    /// - Parameter asked: the redemption that it names once; nil: it names none by itself.
    private func expectHonest(_ screen: String, _ asked: String?) throws {
        #expect(
            !screen.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x9b || $0 == "\u{202e}" })
        #expect(!screen.contains("\u{2028}"))
        let lines = screen.split(separator: "\n")
        for label in ["asked by", "redemption", "use", "purpose"] {
            let found = lines.filter { $0.hasPrefix("  \(label) ") }
            #expect(found.count == (asked == nil ? 0 : 1), "\(label): \(found)")
        }
        if let asked {
            let named = lines.filter { $0.hasPrefix("  redemption ") }
            #expect(named.first?.contains(asked.prefix(12)) == true)
        }
    }

    // MARK: The database

    private func sqlite(_ agent: TestAgent, _ statement: String) throws -> String {
        let program = """
            import sqlite3, sys
            base = sqlite3.connect(sys.argv[1])
            for row in base.execute(sys.argv[2]): print("|".join(str(value) for value in row))
            base.commit()
            """
        let done = try run("/usr/bin/python3", ["-c", program, agent.state + "/state.sqlite", statement])
        guard done.status == 0 else { throw TestFailure(done.errors) }
        return done.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
