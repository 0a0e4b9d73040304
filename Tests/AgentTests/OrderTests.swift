import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// Orders through the agent's socket, with real dtad-hsm and a real token.
@Suite("An order")
struct OrderTests {
    private static let automatic = "orders:\n  accept:\n    - { commit: auto, release: auto }"

    private func agent(_ configuration: String = automatic) throws -> (TestAgent, BlockingAgentClient) {
        let agent = try TestAgent(more: configuration)
        let client = agent.client()
        for name in ["alice", "bank", "heir"] { _ = try client.call(.createIdentity(name)) }
        return (agent, client)
    }

    private func order(_ change: (inout AgentNewOrder) -> Void = { _ in }) -> AgentRequest {
        var new = AgentNewOrder()
        new.principal = "alice"
        new.fiduciary = "bank"
        change(&new)
        return .createOrder(new)
    }

    @Test("of a secret goes from part 1 to part 4 on one agent, and gives what was committed to")
    func secret() throws {
        let (_, client) = try agent()
        let made = try client.call(order())
        let order = try #require(made.orders.first)
        #expect(order.state == "committed")
        #expect(order.type == "secret")
        #expect(order.commitment.count == 33)
        #expect(made.parts.map(\.kind) == ["order", "commitment"])
        let redeemed = try client.call(.redeemOrder(order.reference, purpose: "because"))
        #expect(redeemed.orders.first?.state == "exhausted")
        #expect(redeemed.parts.map(\.kind) == ["redemption", "release"])
        let result = try client.call(.orderResult(String(order.reference.prefix(8))))
        let scalar = try Secp256k1Scalar([UInt8](result.data))
        #expect(Data(scalar.publicKey.bytes) == order.commitment)
        let shown = try client.call(.showOrder(order.cid))
        #expect(shown.parts.map(\.kind) == ["order", "commitment", "redemption", "release"])
        #expect(shown.parts.map(\.status) == Array(repeating: "accepted", count: 4))
        #expect(shown.parts[2].purpose == "because")
        #expect(shown.orders.first?.roles == ["principal", "fiduciary", "redeemer", "recipient"])
        #expect(try client.call(.listOrders()).orders.map(\.cid) == [order.cid])
        #expect(try client.refusal(.redeemOrder(order.cid)).code == .failedPrecondition)
    }

    @Test("waits for a hand where no rule says otherwise")
    func byHand() throws {
        let (_, client) = try agent("")
        let order = try #require(client.call(order()).orders.first)
        #expect(order.state == "ordered")
        #expect(try client.refusal(.redeemOrder(order.cid)).code == .failedPrecondition)
        #expect(try client.call(.fulfilOrder(order.cid)).orders.first?.state == "committed")
        // The same again has the same answer.
        let again = try client.call(.fulfilOrder(order.cid, decision: "commit"))
        #expect(again.parts.map(\.kind) == ["commitment"])
        #expect(try client.call(.redeemOrder(order.cid)).orders.first?.state == "requested")
        let released = try client.call(.fulfilOrder(order.cid))
        #expect(released.orders.first?.state == "exhausted")
        #expect(try client.call(.fulfilOrder(order.cid, decision: "release")).parts.map(\.cid) == released.parts.map(\.cid))
        #expect(try client.call(.orderResult(order.cid)).data.count == 32)
    }
}
