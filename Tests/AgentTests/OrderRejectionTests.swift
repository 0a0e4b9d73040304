import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// Redemptions to which nothing can be released any more: they are refused, so that somebody may ask again.
@Suite("A redemption that nobody can answer any more", .ownThread)
struct OrderRejectionTests {
    private static let byHand = "orders:\n  accept:\n    - { commit: auto }"

    /// alice, the bank and approvers on one agent.
    private func agent(_ rules: String = automaticOrders) throws -> (TestAgent, BlockingAgentClient) {
        let agent = try TestAgent(more: rules)
        for name in ["alice", "bank", "ann", "bea", "cid"] { _ = try agent.client().call(.createIdentity(name)) }
        return (agent, agent.client())
    }

    private func made(_ client: BlockingAgentClient, _ approvers: [String], _ approvals: UInt32) throws -> String {
        try #require(
            client.call(
                newOrder {
                    $0.approvers = approvers
                    $0.approvals = approvals
                    $0.redeemers = ["alice", "ann"]
                }
            ).orders.first
        ).cid
    }

    private func next(_ order: String, _ client: BlockingAgentClient) throws -> String {
        try #require(client.call(.showOrder(order)).orders.first).next
    }

    /// What a refusal says, as whom it is for reads it.
    private func said(_ refusal: String, _ client: BlockingAgentClient, as name: String) throws -> String {
        let opened = try client.call(.openEnvelope(refusal, as: name))
        return String(decoding: opened.data, as: UTF8.self)
    }

    @Test("a redemption to which a needed approver said no is refused by itself, and is released if it is asked again")
    func automatic() throws {
        let hosts = try Hosts()
        let order = try hosts.principal.client().call(
            newOrder {
                $0.approvers = ["judge", "heir"]
                $0.approvals = 2
            }
        ).cid(of: "order")
        try carry(order, hosts.principal, hosts.fiduciary)
        for host in [hosts.principal, hosts.beneficiary] { try carry(order, hosts.fiduciary, host) }
        func redeem(_ purpose: String) throws -> String {
            let asked = try hosts.principal.client().call(.redeemOrder(order, purpose: purpose)).cid(of: "redemption")
            for host in [hosts.fiduciary, hosts.beneficiary] { try carry(order, hosts.principal, host) }
            return asked
        }
        func decide(_ name: String, _ decision: String, _ redemption: String) throws -> AgentResponse {
            _ = try hosts.beneficiary.client().call(
                .decideOnOrder(order, as: name, decision: decision, redemption: redemption))
            return try #require(try carry(order, hosts.beneficiary, hosts.fiduciary).last)
        }
        let first = try redeem("first")
        #expect(try decide("heir", "approve", first).orders.first?.state == "requested")
        let answer = try decide("judge", "reject", first)
        #expect(answer.orders.first?.state == "committed")
        #expect(answer.parts.map(\.kind) == ["refusal"])
        #expect(answer.parts.first?.previous == first)
        try carry(order, hosts.fiduciary, hosts.principal)
        #expect(try state(order, hosts.principal) == "committed")
        let text = try said(answer.parts[0].cid, hosts.principal.client(), as: "alice")
        #expect(text.contains("1 approver said no: 2 approvals are needed, and one other may give one"), "\(text)")

        let second = try redeem("second")
        #expect(second != first)
        #expect(try decide("heir", "approve", second).orders.first?.state == "requested")
        #expect(try decide("judge", "approve", second).orders.first?.state == "exhausted")
        try carry(order, hosts.fiduciary, hosts.principal)
        #expect(try hosts.principal.client().call(.orderResult(order)).data.count == 32)
    }

    @Test(
        "a redemption that nobody can answer any more waits for a hand where releases do, says what that is to do, and keeps no other redeemer from asking"
    )
    func byHand() throws {
        let (held, client) = try agent(Self.byHand)
        defer { held.stop() }
        let order = try made(client, ["bea", "cid"], 2)
        let first = try client.call(.redeemOrder(order, as: "alice")).cid(of: "redemption")
        #expect(try next(order, client).contains("2 of 2 approvals are missing"))
        _ = try client.call(.decideOnOrder(order, as: "bea", decision: "reject", redemption: first))
        #expect(try next(order, client) == "1 approver said no: the fiduciary refuses it")
        #expect(try client.call(.showOrder(order)).orders.first?.state == "requested")
        let listed = try run(Binary.path("dtactl"), ["order", "list", "--json", "--socket", held.socketPath])
        #expect(listed.text.contains("1 approver said no: the fiduciary refuses it"), "\(listed.text)")

        // Whoever asks next has it refused first.
        let asked = try client.call(.redeemOrder(order, as: "ann"))
        #expect(asked.parts.map(\.kind) == ["refusal", "redemption"])
        #expect(asked.parts.first?.previous == first)
        let second = try asked.cid(of: "redemption")
        for name in ["bea", "cid"] {
            _ = try client.call(.decideOnOrder(order, as: name, decision: "reject", redemption: second))
        }
        #expect(try next(order, client) == "2 approvers said no: the fiduciary refuses it")
        // By hand it is the same.
        let refused = try client.call(.fulfilOrder(order, redemption: second))
        #expect(refused.parts.map(\.kind) == ["refusal"])
        #expect(refused.orders.first?.state == "committed")
        let third = try client.call(.redeemOrder(order, as: "alice")).cid(of: "redemption")
        for name in ["bea", "cid"] {
            _ = try client.call(.decideOnOrder(order, as: name, decision: "approve", redemption: third))
        }
        #expect(try next(order, client) == "the fiduciary releases it")
        #expect(try client.call(.fulfilOrder(order)).orders.first?.state == "exhausted")
    }

    @Test(
        "a redemption that nobody can answer any more is not one as long as the others are enough, and lines are counted, without the one who asks"
    )
    func enough() throws {
        let (held, client) = try agent()
        defer { held.stop() }
        let twoOfThree = try made(client, ["ann", "bea", "cid"], 2)
        func decide(_ order: String, _ name: String, _ decision: String, _ asked: String) throws -> String? {
            try client.call(.decideOnOrder(order, as: name, decision: decision, redemption: asked)).orders.first?.state
        }
        var asked = try client.call(.redeemOrder(twoOfThree, as: "alice")).cid(of: "redemption")
        #expect(try decide(twoOfThree, "ann", "reject", asked) == "requested", "two others may say yes")
        #expect(try decide(twoOfThree, "bea", "approve", asked) == "requested")
        // Who is replaced decides again: his no does not count any more.
        _ = try client.call(.rotateIdentity("ann"))
        #expect(try decide(twoOfThree, "cid", "reject", asked) == "requested", "ann's successor may say yes")
        #expect(try decide(twoOfThree, "ann", "approve", asked) == "exhausted")

        // Her own word does not count where she asks, so one no of two is one too many.
        let own = try made(client, ["ann", "bea", "cid"], 2)
        asked = try client.call(.redeemOrder(own, as: "ann")).cid(of: "redemption")
        #expect(try decide(own, "bea", "reject", asked) == "committed")
        let counts = try #require(
            client.call(
                newOrder {
                    $0.approvers = ["ann", "bea", "cid"]
                    $0.approvals = 2
                    $0.redeemers = ["ann"]
                    $0.requesterMayApprove = true
                }
            ).orders.first
        ).cid
        asked = try client.call(.redeemOrder(counts, as: "ann")).cid(of: "redemption")
        #expect(try decide(counts, "bea", "reject", asked) == "requested")
        #expect(try decide(counts, "cid", "reject", asked) == "committed")
    }

    @Test(
        "a redemption that nobody can answer any more is refused by itself when nobody says anything: the time is over, or an approver or the recipient is revoked"
    )
    func withoutAWord() throws {
        let (held, client) = try agent()
        defer { held.stop() }
        func ordered(_ change: @escaping (inout AgentNewOrder) -> Void) throws -> String {
            let order = try #require(
                client.call(
                    newOrder {
                        $0.approvers = ["bea"]
                        $0.approvals = 1
                        $0.redeemers = ["alice"]
                        change(&$0)
                    }
                ).orders.first
            ).cid
            #expect(try client.call(.redeemOrder(order)).orders.first?.state == "requested")
            return order
        }
        let late = try ordered {
            $0.approvers = ["cid"]
            $0.notAfter = Int64(time(nil)) + 6
        }
        let nobody = try ordered { _ in }
        let noRecipient = try ordered {
            $0.approvers = ["cid"]
            $0.recipient = "ann"
        }
        let open = try ordered { $0.approvers = ["cid"] }
        _ = try client.call(.revokeIdentity("bea"))
        _ = try client.call(.revokeIdentity("ann"))
        for (order, why) in [
            (late, "expired"), (nobody, "0 of the approvers can act"), (noRecipient, "who would get it"),
        ] {
            try held.wait("the refusal: \(why)") {
                try client.call(.showOrder(order)).orders.first?.state == "committed"
            }
            let refusal = try #require(client.call(.showOrder(order)).parts.last { $0.kind == "refusal" })
            #expect(try said(refusal.cid, client, as: "alice").contains(why))
        }
        #expect(try client.call(.showOrder(open)).orders.first?.state == "requested")
    }
}
