import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// The agent is killed between any two steps of an order: it is in the state before or after, and goes on.
@Suite("A crash in an order")
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
            ["order.destroy.1", "order.destroy.2"].map { point in
                Case(
                    point: point, type: type, states: ("committed", "destroyed"),
                    prepare: {
                        let order = try create($0, type)
                        _ = try $0.call(.fulfilOrder(order))
                        return order
                    }, act: { try $0.call(.destroyOrder($1)) })
            }
        }

    @Test("leaves the state before or after, and the same request again ends the same way", arguments: cases)
    private func everyStep(_ crash: Case) throws {
        let agent = try TestAgent()
        for name in ["alice", "bank", "heir"] { _ = try agent.client().call(.createIdentity(name)) }
        let order = try crash.prepare(agent.client())
        #expect(agent.stop() == 0)
        try agent.start(environment: ["DTAD_CRASH_AT": crash.point])
        #expect(throws: (any Error).self) { try crash.act(agent.client(), order) }
        #expect(agent.waitForEnd() == 128 + SIGKILL)
        try agent.start()
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
        "of the destruction of an epoch's key loses no living secret",
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
        try agent.start()
        let client = agent.client()
        try agent.wait("the second receipt") {
            try client.call(.showOrder(lost)).parts.filter { $0.kind == "destruction" }.count == 2
        }
        for order in living {
            #expect(try client.call(.redeemOrder(order)).orders.first?.state == "exhausted")
            #expect(try client.call(.orderResult(order)).data.count == 32)
        }
    }
}
