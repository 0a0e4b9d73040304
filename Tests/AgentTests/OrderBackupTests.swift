import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// The fiduciary's disk is lost, and its agent goes on from a backup: others have what it signed after that.
@Suite("An order in a backup", .ownThread)
struct OrderBackupTests {
    private func backup(_ agent: TestAgent) throws -> String { try agent.backup() }

    @discardableResult
    private func restore(_ agent: TestAgent, _ file: String) throws -> String { try agent.restore(file) }

    private func made(_ client: BlockingAgentClient, _ change: (inout AgentNewOrder) -> Void = { _ in }) throws
        -> AgentOrder
    {
        try #require(client.call(newOrder(change)).orders.first)
    }

    private func shown(_ order: String, _ agent: TestAgent) throws -> AgentOrder {
        try #require(agent.client().call(.showOrder(order)).orders.first)
    }

    private func kinds(_ order: String, _ agent: TestAgent) throws -> [String] {
        try agent.client().call(.showOrder(order)).parts.filter { $0.status == "accepted" }.map(\.kind)
    }

    @Test("an order in a backup waits for a hand once it is restored, and then gives the secret that it gave before")
    func byHand() throws {
        let agent = try TestAgent(more: automaticOrders)
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let order = try made(agent.client()).cid
        let other = try made(agent.client()) { $0.maxUses = 2 }.cid
        let over = try made(agent.client()).cid
        _ = try agent.client().call(.redeemOrder(over))
        let file = try backup(agent)
        #expect(try agent.client().call(.redeemOrder(order)).orders.first?.state == "exhausted")
        let secret = try agent.client().call(.orderResult(order)).data

        let said = try restore(agent, file)
        #expect(said.contains("2 are not over"))
        let client = agent.client()
        for cid in [order, other] {
            let marked = try shown(cid, agent)
            #expect(marked.state == "committed")
            #expect(marked.reason.hasPrefix("restored from a backup of 20"))
            #expect(marked.reason.contains("compare with the others' copies first"))
            #expect(marked.nextStep.step == "compare" && marked.next.contains("compares it"))
        }
        #expect(try shown(over, agent).reason.isEmpty)
        #expect(try client.call(.orderResult(over)).data.count == 32)
        let listed = try agent.dtactl("order", "list")
        #expect(listed.text.split(separator: "\n").filter { $0.contains("committed (!)") }.count == 2, "\(listed.text)")

        // The rules would release it.
        let asked = try client.call(.redeemOrder(order))
        #expect(asked.orders.first?.state == "requested")
        #expect(asked.parts.map(\.kind) == ["redemption"])
        #expect(try kinds(order, agent) == ["order", "commitment", "redemption"])
        let refused = try client.refusal(.fulfilOrder(order))
        #expect(refused.code == .failedPrecondition)
        #expect(refused.message.contains("restored from a backup"))
        let command = try agent.dtactl("order", "fulfil", order)
        #expect(command.status == 1 && command.errors.contains("--resume"), "\(command.errors)")
        #expect(try client.call(.fulfilOrder(order, decision: "release")).orders.first?.state == "exhausted")
        #expect(try client.call(.orderResult(order)).data == secret)

        let resumed = try agent.dtactl("order", "fulfil", other, "--resume", "--yes")
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try shown(other, agent).reason.isEmpty)
        #expect(try client.call(.redeemOrder(other)).orders.first?.state == "released")
        #expect(try made(client).state == "committed", "what is made after it follows the rules")
    }

    @Test("an order in a backup that it does not know is not committed to a second time when it comes again")
    func unknown() throws {
        let hosts = try Hosts()
        let file = try backup(hosts.fiduciary)
        let order = try order(hosts)
        let first = try #require(carry(order, hosts.principal, hosts.fiduciary).last).cid(of: "commitment")
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        let part1 = try #require(hosts.principal.client().call(.showOrder(order)).parts.first).cid
        try restore(hosts.fiduciary, file)

        let again = try #require(carry(order, hosts.principal, hosts.fiduciary, only: ["order"]).last)
        #expect(again.parts.isEmpty)
        #expect(again.orders.first?.state == "ordered")
        #expect(try hosts.fiduciary.client().call(.receiveOrderPart(part1)).parts.isEmpty, "nor the second time")
        #expect(try shown(order, hosts.fiduciary).reason.contains("restored from a backup"))
        // The redemption brings back what this host signed.
        _ = try hosts.beneficiary.client().call(.redeemOrder(order))
        try carry(order, hosts.beneficiary, hosts.fiduciary)
        let parts = try hosts.fiduciary.client().call(.showOrder(order)).parts
        #expect(parts.map(\.kind) == ["order", "commitment", "redemption"])
        #expect(parts[1].cid == first)
        // Its secret is gone with the disk, and nothing takes its place.
        let lost = try hosts.fiduciary.client().refusal(.fulfilOrder(order, decision: "release"))
        #expect(lost.code == .dataLoss)
        #expect(try shown(order, hosts.fiduciary).state == "requested")
        // Nor is a receipt signed that says it is gone.
        #expect(try hosts.fiduciary.client().refusal(.destroyOrder(order)).code == .failedPrecondition)
        _ = try hosts.fiduciary.client().call(.fulfilOrder(order, decision: "resume"))
        #expect(try hosts.fiduciary.client().refusal(.destroyOrder(order)).code == .dataLoss)
    }

    @Test("an order in a backup gets back from the others what it lost, and goes on behind that")
    func catchingUp() throws {
        let hosts = try Hosts()
        let order = try order(hosts) { $0.maxUses = 2 }
        try carry(order, hosts.principal, hosts.fiduciary)
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        let file = try backup(hosts.fiduciary)
        func redeem() throws {
            _ = try hosts.beneficiary.client().call(.redeemOrder(order))
            try carry(order, hosts.beneficiary, hosts.fiduciary)
        }
        try redeem()
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        #expect(try state(order, hosts.beneficiary) == "released")
        try restore(hosts.fiduciary, file)

        try redeem()
        let expected = ["order", "commitment", "redemption", "release", "redemption"]
        #expect(try kinds(order, hosts.fiduciary) == expected, "use 1 was released once, and use 2 waits")
        let next = try hosts.fiduciary.client().call(.fulfilOrder(order, decision: "resume"))
        #expect(next.orders.first?.state == "exhausted")
        #expect(next.parts.map(\.kind) == ["release"])
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        #expect(try state(order, hosts.beneficiary) == "exhausted")
        let results = try [1, 2].map { try hosts.beneficiary.client().call(.orderResult(order, use: $0)).data }
        #expect(results[0] == results[1] && results[0].count == 32)
    }

    @Test(
        "an order in a backup whose key was destroyed since is lost and says so; nothing else stops, and its name is not used again"
    )
    func destroyedKey() throws {
        let agent = try TestAgent(more: automaticOrders + "\n  reseal_within_s: 0")
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let kept = try made(agent.client()).cid
        let second = try made(agent.client()).cid
        let destroyed = try made(agent.client()).cid
        let file = try backup(agent)
        func receipts(_ order: String) throws -> Int {
            try agent.client().call(.showOrder(order)).parts.filter { $0.kind == "destruction" }.count
        }
        _ = try agent.client().call(.destroyOrder(destroyed))
        try agent.wait("the second receipt") { try receipts(destroyed) == 2 }
        #expect(try agent.client().call(.redeemOrder(kept)).orders.first?.state == "exhausted", "sealed anew")

        try restore(agent, file)
        let checked = try run(Binary.path("dtad"), ["check", "--config", agent.configuration])
        #expect(checked.status == 1)
        #expect(checked.text.contains("dta/epoch/1") && checked.text.contains("3 orders"), "\(checked.text)")
        #expect(agent.log.contains("orders' secrets are lost"))
        func isLost(_ order: String) throws {
            let shown = try shown(order, agent)
            #expect(shown.state == "committed")
            #expect(shown.reason.contains("dta/epoch/1 is not on the token"), "\(shown.reason)")
            #expect(shown.nextStep.step == "unusable" && shown.next.hasPrefix("nothing"))
        }
        for order in [kept, second, destroyed] { try isLost(order) }
        let new = try made(agent.client()).cid
        #expect(try agent.client().call(.redeemOrder(new)).orders.first?.state == "exhausted")
        #expect(try agent.client().call(.orderResult(new)).data.count == 32)
        #expect(try agent.client().call(.redeemOrder(kept)).orders.first?.state == "requested")
        let lost = try agent.client().refusal(.fulfilOrder(kept, decision: "release"))
        #expect(lost.code == .dataLoss && lost.message.contains("dta/epoch/1"), "\(lost)")

        #expect(agent.stop() == 0)
        try agent.start()
        try isLost(second)
        #expect(try agent.client().refusal(.destroyOrder(second)).code == .failedPrecondition)
        _ = try agent.client().call(.fulfilOrder(second, decision: "resume"))
        #expect(try agent.client().call(.destroyOrder(second)).orders.first?.state == "destroyed")
        // Under the key that took its place, of which this state knows nothing, its secret may live on.
        #expect(agent.log.contains("epochs on the token that dtad does not know"))
        try agent.wait("the epoch to be over") {
            try agent.rows("SELECT count(*) FROM epochs WHERE number = 1 AND destroyed IS NOT NULL") == ["1"]
        }
        #expect(try receipts(second) == 1)
        _ = try agent.client().call(.orderEpochs(decision: "destroy", epoch: "2"))
        try agent.wait("the receipt that there is no key") { try receipts(second) == 2 }
    }

    @Test(
        "an order in a backup whose key was made after the backup does not get a second one, and the first stays on the token"
    )
    func keyMadeSince() throws {
        let agent = try TestAgent(more: "orders:\n  accept:\n    - { commit: manual, release: auto }")
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let order = try made(agent.client()) {
            $0.type = "sign"
            $0.fields = [AgentField(name: "algorithm", value: "ed25519")]
        }.cid
        // The backup is of the moment in which the key is being made.
        #expect(agent.stop() == 0)
        let object = try OrderKeyID.bytes(owner: getuid(), order: CID(order))
        let script = """
            import sqlite3, sys
            base = sqlite3.connect(sys.argv[1])
            base.execute("INSERT INTO intents (id, kind, name, created) VALUES (9000, 'order.key.create', 'x', 1)")
            base.execute("INSERT INTO intent_objects VALUES (9000, 4, ?)", (bytes.fromhex(sys.argv[2]),))
            base.commit()
            """
        let done = try Subprocess("/usr/bin/python3", ["-c", script, agent.state + "/state.sqlite", hex(object)]).wait()
        #expect(done == 0)
        let file = try backup(agent)
        try agent.start()
        #expect(try agent.client().call(.fulfilOrder(order, decision: "commit")).orders.first?.state == "committed")
        try restore(agent, file)
        for _ in 0..<2 {
            let refused = try agent.client().refusal(.fulfilOrder(order, decision: "commit"))
            #expect(refused.code == .failedPrecondition, "\(refused)")
            #expect(refused.message.contains("has a key on the token already"), "\(refused)")
            #expect(try shown(order, agent).state == "ordered")
            #expect(agent.stop() == 0)
            try agent.start()
        }
        #expect(agent.log.contains("there are keys on the token that dtad does not know"))
    }

    @Test("an order in a backup that does not open keeps its key for a time, because a backup may have it as it was")
    func damagedRow() throws {
        let agent = try TestAgent(more: automaticOrders)
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let orders = try (0..<2).map { _ in try made(agent.client()).cid }
        /// Flips a bit of the first order's secret: damage, and its repair.
        func flip(_ more: String = "") throws {
            #expect(agent.stop() == 0)
            let script = """
                import sqlite3, sys, time
                base = sqlite3.connect(sys.argv[1])
                row = "in_order = (SELECT min(in_order) FROM order_secrets)"
                blob = bytearray(base.execute("SELECT blob FROM order_secrets WHERE " + row).fetchone()[0])
                blob[-1] ^= 1
                base.execute("UPDATE order_secrets SET blob = ? WHERE " + row, (bytes(blob),))
                \(more)
                base.commit()
                """
            #expect(try Subprocess("/usr/bin/python3", ["-c", script, agent.state + "/state.sqlite"]).wait() == 0)
            try agent.start()
        }
        // As a destruction of a third would, half of the time that the configuration gives later.
        try flip("base.execute('UPDATE epochs SET destroy_at = ?', (int(time.time()),))")
        try agent.wait("the damage to be found") { agent.log.contains("an order's secret is lost") }
        #expect(try shown(orders[0], agent).reason.contains("cannot be used"))
        #expect(try agent.client().call(.redeemOrder(orders[1])).orders.first?.state == "exhausted")
        #expect(!agent.log.contains("an epoch's key is destroyed"))
        try flip()
        #expect(try agent.client().call(.redeemOrder(orders[0])).orders.first?.state == "exhausted")
        #expect(try agent.client().call(.orderResult(orders[0])).data.count == 32)
        try agent.wait("the key to be destroyed") { agent.log.contains("an epoch's key is destroyed") }
    }
}
