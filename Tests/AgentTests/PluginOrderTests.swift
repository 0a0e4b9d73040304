import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// Orders whose plugins are programs: a real agent runs them as its own user.
@Suite("An order of an external plugin", .ownThread, .enabled(if: geteuid() == 0, "plugins belong to root"))
struct PluginOrderTests {
    private struct Agent {
        let plugins: TemporaryDirectory
        let agent: TestAgent
        let client: BlockingAgentClient
    }

    /// An agent with the example plugins, and with one in Python for each of `more`: its body for all but hello.
    private func agent(
        orders: String = "{ commit: auto, release: auto }", milliseconds: Int = 20_000,
        keeps: String = "agent", _ more: [String: String] = [:]
    ) throws -> Agent {
        let plugins = try TemporaryDirectory()
        let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Examples/plugins").path
        for name in try FileManager.default.contentsOfDirectory(atPath: examples) {
            try plugins.write(name, try String(contentsOfFile: examples + "/" + name, encoding: .utf8), mode: 0o755)
        }
        for (name, body) in more {
            let program = """
                #!/usr/bin/python3 -IB
                import json, os, sys, time
                request = json.loads(sys.stdin.readline())
                hook = request["hook"]
                def answer(**more):
                    print(json.dumps({"dta": "dta/plugin/1", "id": request["id"], "ok": True, **more}))
                if hook == "hello":
                    answer(result={"type": "\(name)", "summary": "A test.", "keeps": "\(keeps)", "fields": []})
                else:
                    \(body)
                """
            try plugins.write("dta-plugin-\(name)", program, mode: 0o755)
        }
        let agent = try TestAgent(
            more: """
                orders:
                  accept:
                    - \(orders)
                plugins:
                  run: own_user
                  directory: \(plugins.path)
                  time_ms: \(milliseconds)
                """)
        let client = agent.client()
        for name in ["alice", "bank"] { _ = try client.call(.createIdentity(name)) }
        return Agent(plugins: plugins, agent: agent, client: client)
    }

    private func order(_ type: String, _ fields: [String: String] = [:]) -> AgentRequest {
        var new = AgentNewOrder()
        new.type = type
        new.principal = "alice"
        new.fiduciary = "bank"
        new.fields = fields.map { name, value in
            var field = AgentField()
            field.name = name
            field.value = value
            return field
        }
        return .createOrder(new)
    }

    @Test("an external plugin that keeps the secret gets it to the redeemer")
    func keepsPlugin() throws {
        let host = try agent()
        let share = try run(host.plugins.file("dta-plugin-shamir"), ["split", "1", "1"], input: [7, 8, 9]).text
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let order = try #require(host.client.call(order("shamir", ["share": share])).orders.first)
        #expect(order.state == "committed")
        #expect(order.commitment.count == 32)
        let shown = try #require(host.client.call(.showOrder(order.cid)).orders.first)
        #expect(shown.fields.map { "\($0.name) \($0.value)" } == ["share (not shown)"])
        #expect(try host.client.call(.redeemOrder(order.cid)).orders.first?.state == "exhausted")
        let result = try host.client.call(.orderResult(order.cid))
        #expect(String(decoding: result.data, as: UTF8.self) == share)
        #expect(result.fields.first { $0.name == "result" }?.value == "share")
        #expect(result.fields.first { $0.name == "checked" }?.value.hasPrefix("no: only the plugin shamir") == true)
        let damaged = try host.client.refusal(self.order("shamir", ["share": share + "0"]))
        #expect(damaged.code == .invalidArgument)
        #expect(damaged.message.contains("the plugin shamir refuses: this is not a share, or not a whole one"))
    }

    @Test("an external plugin that judges keeps dtad-hsm's secret until it agrees")
    func keepsAgent() throws {
        let host = try agent()
        let open = try #require(
            host.client.call(order("office-hours", ["days": "1-7", "hours": "0000-2400"])).orders.first)
        #expect(open.state == "committed")
        _ = try host.client.call(.redeemOrder(open.cid))
        let result = try host.client.call(.orderResult(open.cid))
        #expect(Data(try Secp256k1Scalar([UInt8](result.data)).publicKey.bytes) == open.commitment)
        #expect(!result.fields.contains { $0.name == "checked" })
        let day = (Int(Date().timeIntervalSince1970 / 86400) + 3) % 7
        let other = (day + 3) % 7 + 1
        let closed = try #require(
            host.client.call(order("office-hours", ["days": "\(other)-\(other)", "hours": "0000-2400"])).orders.first)
        let answer = try? host.client.call(.redeemOrder(closed.cid))
        #expect(["committed", "requested", nil].contains(answer?.orders.first?.state))
        #expect(throws: DTAError.self) { try host.client.call(.orderResult(closed.cid)) }
    }

    @Test("an order of an external plugin that hangs delays no other, and is left for another attempt")
    func hangs() throws {
        let host = try agent(
            orders: "{ commit: manual, release: manual }", milliseconds: 20_000,
            ["slow": "time.sleep(600) if hook == 'commit' else answer()"])
        let order = try #require(host.client.call(order("slow")).orders.first)
        #expect(order.state == "ordered")
        let refused = Locked<DTAError?>(nil)
        let (agent, cid) = (host.agent, order.cid)
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            let error = try? agent.client().refusal(.fulfilOrder(cid, decision: "commit"))
            refused.withLock { $0 = error }
            done.signal()
        }
        // Making keys takes the slow lane and its dtad-hsm, which the order has given back.
        _ = try host.client.call(.createKey("key", type: .p256))
        #expect(refused.withLock { $0 } == nil)
        done.wait()
        let error = try #require(refused.withLock { $0 })
        #expect(error.code == .unavailable)
        #expect(error.message.contains("the plugin slow was ended: it did not finish within 20000 ms"))
        #expect(try host.client.call(.showOrder(order.cid)).orders.first?.state == "ordered")
    }

    @Test(
        "an order of an external plugin that hangs, with all that may wait for it waiting, delays no order of another type, be it a program's or not"
    )
    func hangsAlone() throws {
        // A plugin can leave no file: its process' name tells that it hangs (PR_SET_NAME).
        let mark = "__import__('ctypes').CDLL(None).prctl(15, b'hangs-here', 0, 0, 0)"
        let host = try agent(
            milliseconds: 60_000,
            ["slow": "(\(mark), time.sleep(600)) if hook == 'commit' else answer()", "quick": "answer()"])
        let (path, slow, count) = (host.agent.socketPath, order("slow"), 4)
        let plugins = host.plugins.path
        func hanging() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { pid_t($0) != nil }.count { pid in
                (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) == "hangs-here\n"
                    && ((try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? "").contains(plugins)
            }
        }
        let ended = Monitor([ErrorCode?]())
        for _ in 0..<count {
            Thread.detachNewThread {
                let error = try? BlockingAgentClient(socketPath: path).refusal(slow)
                ended.withLockSignalling { $0.append(error?.code) }
            }
        }
        try host.agent.wait("the plugin to hang") { try hanging() == 2 }
        // One waits. Whoever comes then is told at once, and holds nothing.
        #expect(ended.wait { $0.first } == .resourceExhausted)
        for type in ["secret", "quick", "office-hours"] {
            let fields = type == "office-hours" ? ["days": "1-7", "hours": "0000-2400"] : [:]
            let made = try #require(host.client.call(order(type, fields)).orders.first)
            #expect(made.state == "committed")
            #expect(try host.client.call(.redeemOrder(made.cid)).orders.first?.state == "exhausted")
            #expect(try host.client.call(.orderResult(made.cid)).data.count == 32)
        }
        // What hangs is asked neither for less nor for more meanwhile: two of the three calls are one user's.
        #expect(ended.withLock { $0.count } == 1)
        #expect(try hanging() == 2)
        host.agent.crash()
        #expect(ended.wait { $0.count == count ? true : nil } == true)
        // It ends with the dtad that would have ended it.
        try host.agent.wait("the plugins to end") { try hanging() == 0 }
    }

    @Test("an order of an external plugin that lies or crashes fails, and others are carried out")
    func lies() throws {
        let host = try agent(
            orders: "{ commit: manual, release: manual }", keeps: "plugin",
            [
                "liar": "answer(result={'commitment': 'AAE'} if hook == 'commit' else {})",
                "crash": "sys.exit(9) if hook == 'commit' else answer()",
            ])
        for (type, says) in [("liar", "broke the protocol"), ("crash", "it ended with status 9")] {
            let order = try #require(host.client.call(order(type)).orders.first)
            let error = try host.client.refusal(.fulfilOrder(order.cid, decision: "commit"))
            #expect(error.code == .internal)
            #expect(error.message.contains("the plugin \(type)") && error.message.contains(says), "\(error)")
            #expect(try host.client.call(.showOrder(order.cid)).orders.first?.state == "ordered")
        }
        let good = try #require(host.client.call(order("secret")).orders.first)
        #expect(try host.client.call(.fulfilOrder(good.cid)).orders.first?.state == "committed")
    }

    @Test("an order of an external plugin is listed, and one of an unknown type says what there is")
    func lists() throws {
        let host = try agent(["broken": "pass"])
        chmod(host.plugins.file("dta-plugin-broken"), 0o777)
        host.agent.stop()
        try host.agent.start()
        let client = host.agent.client()
        let plugins = try client.call(AgentRequest(.pluginList)).plugins
        #expect(
            plugins.map(\.type) == [
                "bitcoin-wallet", "office-hours", "safeguard-secret", "secret", "shamir", "sign",
            ])
        #expect(plugins.first { $0.type == "shamir" }?.kind == "external")
        #expect(plugins.first { $0.type == "shamir" }?.keeps == "plugin")
        #expect(plugins.first { $0.type == "shamir" }?.fields.map(\.name) == ["share"])
        #expect(plugins.first { $0.type == "office-hours" }?.fields.map(\.name) == ["hours?", "days?", "zone?"])
        let unknown = try client.refusal(order("unheard-of"))
        #expect(unknown.code == .notFound)
        #expect(unknown.hint == "it has bitcoin-wallet, office-hours, safeguard-secret, secret, shamir, sign")
        let broken = try client.refusal(order("broken"))
        #expect(broken.code == .unavailable)
        #expect(broken.message.contains("can be written by others than root"))
    }

    @Test("an order of an external plugin is refused where plugins are off, which is what they are")
    func off() throws {
        let agent = try TestAgent()
        let client = agent.client()
        for name in ["alice", "bank"] { _ = try client.call(.createIdentity(name)) }
        let error = try client.refusal(order("office-hours"))
        #expect(error.code == .notFound)
        #expect(error.hint.hasSuffix("external plugins are off: plugins.run in dtad.yaml turns them on"))
    }
}
