import AgentProtocol
import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// The agent is killed between any two steps of an order: it is in the state before or after, and goes on.
@Suite("A crash in an order", .ownThread)
struct OrderCrashTests {
    /// How far an order is brought before the agent is started so that it kills itself at a point.
    private struct Case: Sendable, CustomTestStringConvertible {
        let point: String
        let type: String
        /// State before and after.
        let states: (String, String)
        let prepare: @Sendable (BlockingAgentClient) throws -> String
        let act: @Sendable (BlockingAgentClient, String) throws -> AgentResponse

        var testDescription: String { "\(point) (\(type))" }
    }

    private static func create(_ client: BlockingAgentClient, _ type: String) throws -> String {
        let made = try client.call(
            newOrder {
                $0.type = type
                if type == "sign" { $0.fields = [AgentField(name: "algorithm", value: "p256")] }
                if type == "approved" {
                    $0.type = "secret"
                    $0.approvers = ["heir"]
                    $0.approvals = 1
                }
            })
        return made.orders.first?.cid ?? ""
    }

    private static let digest = [UInt8](repeating: 7, count: 32)

    private static func redeem(_ client: BlockingAgentClient, _ order: String, _ type: String) throws -> AgentResponse {
        try client.call(.redeemOrder(order, data: type == "sign" ? digest : []))
    }

    private static let cases: [Case] =
        ["secret", "sign"].flatMap { type in
            ["order.commit.1", "order.commit.2", "order.commit.3"].map { point in
                Case(
                    point: point, type: type, states: ("ordered", "committed"), prepare: { try create($0, type) },
                    act: { try $0.call(.fulfilOrder($1, decision: "commit")) })
            }
                + ["order.release.1", "order.release.2"].map { point in
                    Case(
                        point: point, type: type, states: ("requested", "exhausted"),
                        prepare: {
                            let order = try create($0, type)
                            _ = try $0.call(.fulfilOrder(order))
                            _ = try redeem($0, order, type)
                            return order
                        }, act: { try $0.call(.fulfilOrder($1, decision: "release")) })
                }
        }
        + ["order.redeem.1", "order.redeem.2"].map { point in
            Case(
                point: point, type: "secret", states: ("committed", "requested"),
                prepare: {
                    let order = try create($0, "secret")
                    _ = try $0.call(.fulfilOrder(order))
                    return order
                }, act: { try redeem($0, $1, "secret") })
        }
        + ["order.approve.1", "order.approve.2"].map { point in
            Case(
                point: point, type: "approved", states: ("requested", "requested"),
                prepare: {
                    let order = try create($0, "approved")
                    _ = try $0.call(.fulfilOrder(order))
                    _ = try redeem($0, order, "secret")
                    return order
                }, act: { try $0.call(.decideOnOrder($1, as: "heir", decision: "approve")) })
        }
        + [
            Case(
                point: "order.refuse.1", type: "secret", states: ("ordered", "refused"),
                prepare: { try create($0, "secret") }, act: { try $0.call(.fulfilOrder($1, decision: "refuse")) })
        ]
        + ["secret", "sign"].flatMap { type in
            (1...4).map { "order.destroy.\($0)" }.map { point in
                Case(
                    point: point, type: type, states: ("committed", "destroyed"),
                    prepare: {
                        let order = try create($0, type)
                        _ = try $0.call(.fulfilOrder(order))
                        return order
                    }, act: { try $0.call(.destroyOrder($1)) })
            }
        }

    @Test(
        "a crash in an order leaves the state before or after, and the same request again ends the same way",
        arguments: cases)
    private func everyStep(_ crash: Case) throws {
        let agent = try TestAgent()
        for name in ["alice", "bank", "heir"] { _ = try agent.client().call(.createIdentity(name)) }
        let order = try crash.prepare(agent.client())
        #expect(agent.stop() == 0)
        try agent.start(environment: ["DTAD_CRASH_AT": crash.point])
        #expect(throws: (any Error).self) { try crash.act(agent.client(), order) }
        #expect(agent.waitForEnd() == 128 + SIGKILL)
        try agent.startServing()
        let client = agent.client()
        let parts = try client.call(.showOrder(order))
        let state = try #require(parts.orders.first?.state)
        #expect([crash.states.0, crash.states.1].contains(state))
        let after = try crash.act(client, order)
        #expect(after.orders.first?.state == crash.states.1)
        // Nothing is there twice.
        let kinds = try client.call(.showOrder(order)).parts.map(\.kind)
        #expect(kinds.count == Set(kinds).count, "\(kinds)")
        // What the token has beside is cleared away, so a second destruction, or another order, finds it in order.
        #expect(try #require(client.call(newOrder()).orders.first).state == "ordered")
        #expect(!agent.log.contains("does not know"))
    }

    @Test(
        "a crash in an order of the destruction of an epoch's key loses no living secret",
        arguments: ["order.epoch.1", "order.epoch.2", "order.epoch.3"])
    func epochs(point: String) throws {
        let agent = try TestAgent(more: automaticOrders + "\n  reseal_within_s: 0")
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let living = try (0..<3).map { _ in try Self.create(agent.client(), "secret") }
        let lost = try Self.create(agent.client(), "secret")
        #expect(agent.stop() == 0)
        try agent.start(environment: ["DTAD_CRASH_AT": point])
        _ = try? agent.client().call(.destroyOrder(lost))
        #expect(agent.waitForEnd() == 128 + SIGKILL)
        try agent.startServing()
        let client = agent.client()
        try agent.wait("the second receipt") {
            try client.call(.showOrder(lost)).parts.filter { $0.kind == "destruction" }.count == 2
        }
        for order in living {
            #expect(try client.call(.redeemOrder(order)).orders.first?.state == "exhausted")
            #expect(try client.call(.orderResult(order)).data.count == 32)
        }
    }

    @Test(
        "a crash in an order in a destruction is overcome at the next start without being told: nothing is kept, and one receipt says so",
        arguments: ["secret", "sign"].flatMap { type in (1...4).map { (type, "order.destroy.\($0)") } })
    func destruction(type: String, point: String) throws {
        let agent = try TestAgent()
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let order = try Self.create(agent.client(), type)
        _ = try agent.client().call(.fulfilOrder(order))
        try crash(agent, at: point) { _ = try $0.call(.destroyOrder(order)) }
        let shown = try agent.client().call(.showOrder(order))
        #expect(shown.orders.first?.state == "destroyed")
        let receipts = shown.parts.filter { $0.kind == "destruction" }
        #expect(receipts.map(\.status) == ["accepted"])
        #expect(
            receipts.first?.fields.first { $0.name == "state" }?.value == (type == "sign" ? "done" : "pending"))
        #expect(try agent.client().refusal(.redeemOrder(order)).code == .failedPrecondition)
        let again = try agent.client().call(.destroyOrder(order))
        #expect(again.parts.map(\.cid) == receipts.map(\.cid), "the same receipt")
        #expect(agent.stop() == 0)
        let base = try agent.rows(
            """
            SELECT (SELECT count(*) FROM order_secrets), (SELECT count(*) FROM orders WHERE destroying IS NOT NULL),
              (SELECT count(*) FROM epochs WHERE destroy_at IS NOT NULL)
            """)
        #expect(base == [type == "sign" ? "0 0 0" : "0 0 1"])
        let hsm = try HSMProcess(configuration: agent.configuration).connect()
        #expect(try hsm.ask(ListObjects(objectClass: .order)).isEmpty)
    }

    @Test(
        "a crash in an order while what is left of a destroyed order is removed changes nothing in the end",
        arguments: ["secret", "sign"].flatMap { type in (1...2).map { (type, "order.leftover.\($0)") } })
    func leftover(type: String, point: String) throws {
        let agent = try TestAgent()
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let order = try Self.create(agent.client(), type)
        _ = try agent.client().call(.fulfilOrder(order))
        #expect(agent.stop() == 0)
        // As an older dtad left it, which took a receipt of its own that came back for the deed.
        try agent.change("UPDATE orders SET state = 'destroyed'; UPDATE order_views SET state = 'destroyed'")
        try agent.launch(environment: ["DTAD_CRASH_AT": point])
        #expect(agent.waitForEnd() == 128 + SIGKILL)
        try agent.startServing()
        #expect(agent.log.contains("is destroyed and its secret was still here: it is removed"))
        #expect(
            try agent.client().call(.list(.auditList, count: 1000)).lines.contains {
                $0.contains("its secret was still here")
            })
        #expect(try agent.client().call(.showOrder(order)).orders.first?.state == "destroyed")
        #expect(agent.stop() == 0)
        let base = try agent.rows(
            """
            SELECT (SELECT count(*) FROM order_secrets), (SELECT count(*) FROM epochs WHERE destroy_at IS NOT NULL),
              (SELECT count(*) FROM order_destructions)
            """)
        #expect(base == [type == "sign" ? "0 0 0" : "0 1 1"])
        let hsm = try HSMProcess(configuration: agent.configuration).connect()
        #expect(try hsm.ask(ListObjects(objectClass: .order)).isEmpty)
    }

    /// Starts the agent so that it dies of `body`, and then again.
    private func crash(_ agent: TestAgent, at point: String, in body: (BlockingAgentClient) throws -> Void) throws {
        #expect(agent.stop() == 0)
        try agent.start(environment: ["DTAD_CRASH_AT": point])
        #expect(throws: (any Error).self) { try body(agent.client()) }
        #expect(agent.waitForEnd() == 128 + SIGKILL)
        try agent.startServing()
    }

    @Test(
        "a crash in an order while an order is made leaves all of it or nothing, and no share of a wallet without its order",
        arguments: ["order.create.1", "order.create.2"])
    func creation(point: String) throws {
        let agent = try TestAgent()
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        try crash(agent, at: point) { _ = try Self.create($0, "bitcoin-wallet") }
        let client = agent.client()
        let orders = try client.call(.listOrders()).orders
        let shares = try client.call(.list(.walletListShares)).shares
        #expect(orders.count == (point == "order.create.2" ? 1 : 0))
        #expect(shares.map(\.order) == orders.map(\.cid))
        let order = try orders.first?.cid ?? Self.create(client, "bitcoin-wallet")
        #expect(try client.call(.fulfilOrder(order)).orders.first?.state == "committed")
        #expect(try client.call(.list(.walletListShares)).shares.map(\.order) == [order])
    }

    @Test(
        "a crash in an order while something is deposited leaves it there once or not at all",
        arguments: ["order.deposit.1", "order.deposit.2"])
    func deposit(point: String) throws {
        let agent = try TestAgent(more: automaticOrders)
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let order = try Self.create(agent.client(), "safeguard-secret")
        let secret = Array("the gold".utf8)
        try crash(agent, at: point) { _ = try $0.call(.depositForOrder(order, secret: secret)) }
        let client = agent.client()
        if point == "order.deposit.1" {
            _ = try client.call(.depositForOrder(order, secret: secret))
        } else {
            // Nobody can tell that it was the same, which is encrypted anew each time.
            #expect(try client.refusal(.depositForOrder(order, secret: secret)).code == .failedPrecondition)
        }
        #expect(try client.call(.showOrder(order)).parts.filter { $0.kind == "deposit" }.map(\.status) == ["accepted"])
        _ = try client.call(.redeemOrder(order))
        #expect(try [UInt8](client.call(.orderResult(order)).data) == secret)
    }

    @Test(
        "a crash while a fiduciary takes in what a courier brought changes nothing for the courier that brings it again",
        arguments: [
            ("order", "order.receive.1"), ("order", "order.commit.1"), ("order", "order.commit.2"),
            ("order", "order.commit.3"), ("refused order", "order.refuse.1"), ("redemption", "order.receive.2"),
            ("redemption", "order.release.1"), ("redemption", "order.release.2"),
        ])
    func receiving(part: String, point: String) throws {
        let hosts = try Hosts(part == "refused order" ? "orders:\n  accept: []" : automaticOrders)
        let order = try order(hosts)
        let from = part == "redemption" ? hosts.beneficiary : hosts.principal
        if part == "redemption" {
            try carry(order, hosts.principal, hosts.fiduciary)
            try carry(order, hosts.fiduciary, hosts.beneficiary)
            _ = try hosts.beneficiary.client().call(.redeemOrder(order))
        }
        // What the courier stores before it asks is not what dies.
        try crash(hosts.fiduciary, at: point) { _ in try carry(order, from, hosts.fiduciary) }
        let answers = try (0..<2).map { _ in
            try #require(carry(order, from, hosts.fiduciary).last).parts.map { "\($0.kind) \($0.cid)" }
        }
        #expect(answers[0] == answers[1])
        let (kind, state) =
            switch part {
            case "order": ("commitment", "committed")
            case "redemption": ("release", "exhausted")
            default: ("refusal", "refused")
            }
        #expect(answers[0].count == 1 && answers[0][0].hasPrefix(kind + " "), "\(answers[0])")
        let shown = try hosts.fiduciary.client().call(.showOrder(order))
        #expect(shown.orders.first?.state == state)
        #expect(Set(shown.parts.map(\.kind)).count == shown.parts.count, "\(shown.parts.map(\.kind))")
        try carry(order, hosts.fiduciary, from)
        #expect(try from.client().call(.showOrder(order)).orders.first?.state == state)
    }
}
