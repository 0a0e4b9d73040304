import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// A receipt that says that a secret is destroyed comes back to the fiduciary who signed it, or is said to have.
@Suite("A fiduciary's own receipt of a destruction, from outside", .ownThread)
struct OrderReceiptTests {
    /// An order that the fiduciary and the heir know, committed to.
    private func committed(_ hosts: Hosts, _ type: String = "secret") throws -> String {
        let order = try order(hosts) {
            $0.type = type
            if type == "sign" { $0.fields = [AgentField(name: "algorithm", value: "ed25519")] }
        }
        try carry(order, hosts.principal, hosts.fiduciary)
        for host in [hosts.principal, hosts.beneficiary] { try carry(order, hosts.fiduciary, host) }
        return order
    }

    /// How many secrets are kept, epochs dated, and destructions to be followed up.
    private func kept(_ agent: TestAgent) throws -> String? {
        try agent.rows(
            """
            SELECT (SELECT count(*) FROM order_secrets), (SELECT count(*) FROM epochs WHERE destroy_at IS NOT NULL),
              (SELECT count(*) FROM order_destructions)
            """
        ).first
    }

    private func shown(_ order: String, _ agent: TestAgent) throws -> AgentOrder {
        try #require(agent.client().call(.showOrder(order)).orders.first)
    }

    private func expectWaiting(_ order: String, _ agent: TestAgent) throws {
        let waiting = try shown(order, agent)
        #expect(waiting.state == "frozen")
        #expect(waiting.reason.contains("was not made here"), "\(waiting.reason)")
        #expect(waiting.nextStep.step == "investigate" && waiting.nextStep.by == "fiduciary", "\(waiting.nextStep)")
        let receipts = try agent.client().call(.showOrder(order)).parts.filter { $0.kind == "destruction" }
        #expect(receipts.map(\.status) == ["evidence"])
        #expect(try agent.client().refusal(.fulfilOrder(order, decision: "release")).code == .failedPrecondition)
        let listed = try run(Binary.path("dtactl"), ["order", "fulfil", "--socket", agent.socketPath])
        #expect(listed.text.contains("frozen"), "\(listed.text)")
    }

    @Test(
        "a receipt from outside destroys nothing in an order that was restored until a person confirms it, and then all of it"
    )
    func restored() throws {
        let hosts = try Hosts(automaticOrders)
        let bank = hosts.fiduciary
        let order = try committed(hosts)
        let other = try committed(hosts)
        let file = try bank.backup()
        _ = try bank.client().call(.destroyOrder(order))
        try carry(order, bank, hosts.beneficiary)
        #expect(try state(order, hosts.beneficiary) == "destroyed")
        try bank.restore(file)
        #expect(try kept(bank) == "2 0 0")

        try carry(order, hosts.beneficiary, bank)
        try expectWaiting(order, bank)
        #expect(try kept(bank) == "2 0 0", "nothing is destroyed by what a courier brings")
        try carry(order, hosts.beneficiary, bank)
        let done = try bank.client().call(.destroyOrder(order))
        #expect(done.orders.first?.state == "destroyed")
        #expect(done.orders.first?.reason.isEmpty == true)
        #expect(done.fields.first { $0.name == "state" }?.value == "pending")
        #expect(try kept(bank) == "1 1 1")
        // Again changes nothing.
        #expect(try bank.client().call(.destroyOrder(order)).parts.map(\.cid) == done.parts.map(\.cid))
        #expect(try kept(bank) == "1 1 1")

        // When the time comes the key goes, the other secret lives, and a receipt says so.
        #expect(bank.stop() == 0)
        try bank.change("UPDATE epochs SET destroy_at = 1 WHERE destroy_at IS NOT NULL")
        try bank.start()
        try bank.wait("the last receipt") {
            try bank.client().call(.showOrder(order)).parts.filter { $0.kind == "destruction" }.count == 3
        }
        _ = try bank.client().call(.fulfilOrder(other, decision: "resume"))
        _ = try hosts.beneficiary.client().call(.redeemOrder(other))
        try carry(other, hosts.beneficiary, bank)
        try carry(other, bank, hosts.beneficiary)
        #expect(try hosts.beneficiary.client().call(.orderResult(other)).data.count == 32)
        // The others take all of it, and it is sound.
        try carry(order, bank, hosts.beneficiary, only: ["destruction"])
        let verified = try run(
            Binary.path("dtactl"), ["order", "verify", order, "--socket", hosts.beneficiary.socketPath])
        #expect(verified.status == 0, "\(verified.text) \(verified.errors)")
    }

    @Test(
        "a receipt from outside of an order whose key is on the token is confirmed in the same way, and the row goes that the key left behind"
    )
    func restoredSign() throws {
        let hosts = try Hosts(automaticOrders)
        let bank = hosts.fiduciary
        let order = try committed(hosts, "sign")
        let file = try bank.backup()
        let first = try bank.client().call(.destroyOrder(order))
        #expect(first.fields.first { $0.name == "state" }?.value == "done")
        try carry(order, bank, hosts.beneficiary)
        try bank.restore(file)
        try carry(order, hosts.beneficiary, bank)
        try expectWaiting(order, bank)
        let done = try bank.client().call(.destroyOrder(order))
        #expect(done.orders.first?.state == "destroyed")
        #expect(done.fields.first { $0.name == "state" }?.value == "done")
        #expect(try kept(bank) == "0 0 0")
        #expect(bank.stop() == 0)
        try bank.start()
        #expect(!bank.log.contains("does not know"))
    }

    @Test(
        "a destruction that was decided while the HSM was away is done when it is back, and nothing is done with the order meanwhile"
    )
    func tokenAway() throws {
        let agent = try TestAgent(starting: false)
        try agent.addHSMConfiguration(["cache_session_objects: false"])
        try agent.start()
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        for type in ["secret", "sign"] {
            let order = try #require(
                agent.client().call(
                    newOrder {
                        $0.type = type
                        if type == "sign" { $0.fields = [AgentField(name: "algorithm", value: "ed25519")] }
                    }
                ).orders.first
            ).cid
            _ = try agent.client().call(.fulfilOrder(order, decision: "commit"))
            try FileManager.default.moveItem(atPath: agent.tokens, toPath: agent.tokens + ".away")
            let refused = try agent.client().refusal(.destroyOrder(order))
            #expect(refused.code == .unavailable, "\(refused)")
            #expect(refused.hint.contains("it is decided"), "\(refused)")
            let listed = try #require(agent.client().call(.listOrders()).orders.first { $0.cid == order })
            #expect(listed.state == "committed")
            #expect(listed.nextStep.step == "finish" && listed.nextStep.by.isEmpty, "\(listed.nextStep)")
            try FileManager.default.moveItem(atPath: agent.tokens + ".away", toPath: agent.tokens)
            try agent.wait("the destruction") { try state(order, agent) == "destroyed" }
            #expect(try agent.client().call(.showOrder(order)).parts.filter { $0.kind == "destruction" }.count == 1)
        }
    }

    @Test(
        "a receipt from outside of an order that the restored state does not know is believed once a person confirms it"
    )
    func unknownOrder() throws {
        let hosts = try Hosts(automaticOrders)
        let bank = hosts.fiduciary
        let file = try bank.backup()
        let order = try committed(hosts)
        let receipt = try bank.client().call(.destroyOrder(order)).cid(of: "destruction")
        try carry(order, bank, hosts.beneficiary)
        try carry(order, bank, hosts.principal, only: ["destruction"])
        try bank.restore(file)
        #expect(bank.log.contains("epochs on the token that dtad does not know"))
        try carry(order, hosts.principal, bank, only: ["order", "commitment", "destruction"])
        try expectWaiting(order, bank)
        let done = try bank.client().call(.destroyOrder(order))
        #expect(done.orders.first?.state == "destroyed")
        #expect(done.parts.map(\.cid) == [receipt], "no receipt says more than what came back")
    }

    @Test("a receipt from outside freezes an order on a host that was not restored, where only a person destroys it")
    func rolledBack() throws {
        let hosts = try Hosts(automaticOrders)
        let bank = hosts.fiduciary
        let order = try committed(hosts)
        // Somebody else with the fiduciary's keys: its agent from a copy of its state.
        #expect(bank.stop() == 0)
        let copy = try bank.copyState()
        try bank.start()
        let receipt = try bank.client().call(.destroyOrder(order)).cid(of: "destruction")
        // A receipt that it made itself changes nothing when it is brought, however often.
        try carry(order, bank, hosts.principal)
        let again = try bank.client().call(.receiveOrderPart(receipt))
        #expect(again.orders.first?.state == "destroyed")
        #expect(bank.stop() == 0)
        try bank.rollBack(copy)
        try bank.start()
        #expect(try state(order, bank) == "committed")
        _ = try carry(order, hosts.principal, bank, only: ["destruction"])
        try expectWaiting(order, bank)
        #expect(try kept(bank) == "1 0 0")
        #expect(bank.log.contains("an order is frozen"))
        // Nothing is released by the rules any more, and the redeemer is told.
        _ = try hosts.beneficiary.client().call(.redeemOrder(order))
        let told = try carry(order, hosts.beneficiary, bank)
        #expect(told.last?.parts.last?.kind == "refusal")
        #expect(try kept(bank) == "1 0 0")
        #expect(try bank.client().call(.destroyOrder(order)).orders.first?.state == "destroyed")
        #expect(try kept(bank) == "0 1 1")
    }

    @Test("a receipt by a key that the fiduciary has replaced is refused and changes nothing")
    func formerKey() throws {
        let hosts = try Hosts(automaticOrders)
        let bank = hosts.fiduciary
        let order = try committed(hosts)
        #expect(bank.stop() == 0)
        let copy = try bank.copyState()
        try bank.start()
        _ = try bank.client().call(.destroyOrder(order))
        try carry(order, bank, hosts.principal)
        #expect(bank.stop() == 0)
        try bank.rollBack(copy)
        try bank.start()
        _ = try bank.client().call(.rotateIdentity("bank"))
        #expect(throws: DTAError.self) { try carry(order, hosts.principal, bank, only: ["destruction"]) }
        #expect(try state(order, bank) == "committed")
        #expect(try kept(bank) == "1 0 0")
        _ = try hosts.beneficiary.client().call(.redeemOrder(order))
        let answer = try carry(order, hosts.beneficiary, bank)
        #expect(answer.last?.orders.first?.state == "exhausted")
    }
}
