import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// Whoever asked is not current any more before he is answered: nothing can be released to him, and nobody waits for that.
@Suite("A redemption whose sender was replaced", .ownThread)
struct OrderReplacedTests {
    private static let byHand = "orders:\n  accept:\n    - { commit: auto }"

    private func agent() throws -> (TestAgent, BlockingAgentClient, String) {
        let agent = try TestAgent(more: Self.byHand)
        let client = agent.client()
        for name in ["alice", "bank"] { _ = try client.call(.createIdentity(name)) }
        return (agent, client, try #require(client.call(newOrder()).orders.first).cid)
    }

    @Test("a redemption whose sender was replaced is refused before the next one is judged, which its successor makes")
    func nextRedemption() throws {
        let (held, client, order) = try agent()
        defer { held.stop() }
        let old = try client.call(.redeemOrder(order, purpose: "old")).cid(of: "redemption")
        _ = try client.call(.rotateIdentity("alice"))
        let asked = try client.call(.redeemOrder(order, purpose: "new"))
        #expect(asked.parts.map(\.kind) == ["refusal", "redemption"])
        #expect(asked.parts.first?.previous == old)
        #expect(asked.orders.first?.state == "requested")
        let released = try client.call(.fulfilOrder(order))
        #expect(released.parts.first?.previous == asked.parts.last?.cid)
        #expect(try client.call(.orderResult(order)).data.count == 32)
    }

    @Test(
        "a redemption whose sender was replaced is refused by the user that fulfils the order, and no other decision is taken for it"
    )
    func byHand() throws {
        let (held, client, order) = try agent()
        defer { held.stop() }
        let old = try client.call(.redeemOrder(order)).cid(of: "redemption")
        #expect(
            try client.refusal(.fulfilOrder(order, redemption: order)).message.contains("that is open is \(old)"))
        _ = try client.call(.rotateIdentity("alice"))
        let refused = try client.call(.fulfilOrder(order, redemption: old))
        #expect(refused.parts.map(\.kind) == ["refusal"])
        #expect(refused.orders.first?.state == "committed")
        #expect(try client.refusal(.fulfilOrder(order)).code == .failedPrecondition)
        let next = try client.call(.redeemOrder(order)).cid(of: "redemption")
        let released = try client.call(.fulfilOrder(order, redemption: next))
        let records = try client.call(.list(.auditList, count: 1000)).lines
        #expect(records.contains { $0.contains("\"order.fulfil\"") && $0.contains("redemption=\(next)") })
        #expect(released.orders.first?.state == "exhausted")
        #expect(
            try client.call(.fulfilOrder(order, decision: "release", redemption: next)).parts.map(\.cid)
                == released.parts.map(\.cid))
        #expect(
            try client.refusal(.fulfilOrder(order, decision: "release", redemption: old)).code == .failedPrecondition)
    }

    @Test("between hosts another redeemer's redemption takes the place of one whose sender was revoked")
    func revoked() throws {
        let hosts = try Hosts(Self.byHand)
        let order = try hosts.principal.client().call(
            newOrder {
                $0.beneficiary = "heir"
                $0.redeemers = ["alice", "heir"]
            }
        ).cid(of: "order")
        try carry(order, hosts.principal, hosts.fiduciary)
        for host in [hosts.principal, hosts.beneficiary] { try carry(order, hosts.fiduciary, host) }
        let first = try hosts.principal.client().call(.redeemOrder(order)).cid(of: "redemption")
        try carry(order, hosts.principal, hosts.fiduciary)
        let alice = try #require(
            hosts.principal.client().call(.list(.identityList)).identities.first { $0.name == "alice" }
        ).cid
        _ = try hosts.principal.client().call(.revokeIdentity("alice"))
        try hosts.principal.bring(historyOf: alice, to: hosts.fiduciary)
        _ = try hosts.beneficiary.client().call(.redeemOrder(order))
        let taken = try #require(try carry(order, hosts.beneficiary, hosts.fiduciary).last)
        #expect(taken.orders.first?.state == "requested")
        #expect(taken.parts.first { $0.kind == "refusal" }?.previous == first)
        #expect(try hosts.fiduciary.client().call(.fulfilOrder(order)).orders.first?.state == "exhausted")
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        #expect(try hosts.beneficiary.client().call(.orderResult(order)).data.count == 32)
    }

    @Test(
        "a redemption whose sender was replaced is refused by itself where releases are, when the approval comes that would have released it"
    )
    func automatic() throws {
        let hosts = try Hosts()
        let order = try hosts.principal.client().call(
            newOrder {
                $0.approvers = ["judge"]
                $0.approvals = 1
            }
        ).cid(of: "order")
        try carry(order, hosts.principal, hosts.fiduciary)
        for host in [hosts.principal, hosts.beneficiary] { try carry(order, hosts.fiduciary, host) }
        let first = try hosts.principal.client().call(.redeemOrder(order)).cid(of: "redemption")
        for host in [hosts.fiduciary, hosts.beneficiary] { try carry(order, hosts.principal, host) }
        _ = try hosts.beneficiary.client().call(.decideOnOrder(order, decision: "approve", redemption: first))
        let next = try hosts.principal.client().call(.rotateIdentity("alice")).cid
        try hosts.principal.bring(historyOf: next, to: hosts.fiduciary)
        let answer = try #require(try carry(order, hosts.beneficiary, hosts.fiduciary).last)
        #expect(answer.orders.first?.state == "committed")
        #expect(answer.parts.map(\.kind) == ["refusal"])
        #expect(answer.parts.first?.previous == first)
        // She asks anew, without waiting for the refusal to come.
        let again = try hosts.principal.client().call(.redeemOrder(order)).cid(of: "redemption")
        #expect(again != first)
    }
}
