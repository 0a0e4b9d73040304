import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// Approvers decide about one redemption, which they name.
@Suite("An order's approver", .ownThread)
struct OrderApproverTests {
    /// An order that alice and mallory, both with the principal, may redeem, and that the judge has to approve.
    private func contested(_ hosts: Hosts) throws -> String {
        let order = try hosts.principal.client().call(
            newOrder {
                $0.redeemers = ["alice", "mallory"]
                $0.recipient = "alice"
                $0.approvers = ["judge"]
                $0.approvals = 1
            }
        ).cid(of: "order")
        try carry(order, hosts.principal, hosts.fiduciary)
        try carry(order, hosts.fiduciary, hosts.principal)
        try carry(order, hosts.fiduciary, hosts.beneficiary)
        return order
    }

    @Test(
        "an order's approver decides about the redemption that it names, whichever came first, and another one is refused"
    )
    func rivals() throws {
        let hosts = try Hosts(more: ["mallory"])
        let order = try contested(hosts)
        let (alice, judge) = (hosts.principal.client(), hosts.beneficiary.client())
        // One that the fiduciary never gets.
        let spam = try alice.call(.redeemOrder(order, as: "mallory", purpose: "spam")).cid(of: "redemption")
        try carry(order, hosts.principal, hosts.beneficiary)
        let asked = try alice.call(.redeemOrder(order, as: "alice", purpose: "moving house"))
        let wanted = try asked.cid(of: "redemption")
        // The same again is the same, also where another one is open.
        #expect(
            try alice.call(.redeemOrder(order, as: "alice", purpose: "moving house")).cid(of: "redemption") == wanted)
        #expect(
            try alice.refusal(.redeemOrder(order, as: "alice", purpose: "another")).code == .failedPrecondition)
        try carry(order, hosts.principal, hosts.fiduciary)
        try carry(order, hosts.principal, hosts.beneficiary)

        let shown = try judge.call(.showOrder(order)).parts.filter { $0.open }
        #expect(shown.map(\.cid) == [spam, wanted])
        #expect(shown.map(\.purpose) == ["spam", "moving house"])
        let several = try judge.refusal(.decideOnOrder(order, decision: "approve"))
        #expect(several.code == .failedPrecondition)
        #expect(several.message.contains("2 redemptions"))
        #expect(several.hint.contains(spam) && several.hint.contains(wanted))
        let other = try judge.refusal(.decideOnOrder(order, decision: "approve", redemption: order))
        #expect(other.code == .failedPrecondition)
        #expect(other.message.contains("none of order"))
        #expect(try judge.refusal(.decideOnOrder(order, decision: "approve", redemption: "x")).code == .invalidArgument)
        #expect(
            try judge.refusal(.decideOnOrder(order, decision: "approve", redemption: wanted, use: 2)).code
                == .failedPrecondition)

        let approved = try judge.call(.decideOnOrder(order, decision: "approve", redemption: wanted))
        #expect(approved.parts.first { $0.kind == "approval" }?.previous == wanted)
        #expect(approved.orders.first?.approved == 1)
        _ = try judge.call(.decideOnOrder(order, decision: "reject", redemption: spam))
        let answers = try carry(order, hosts.beneficiary, hosts.fiduciary, only: ["redemption"])
        #expect(answers.count == 2, "mallory's came to the fiduciary late")
        #expect(try hosts.fiduciary.client().call(.showOrder(order)).orders.first?.state == "requested")
        #expect(
            throws: DTAError.self, "of the redemption that the fiduciary refused",
            performing: {
                try carry(order, hosts.beneficiary, hosts.fiduciary)
            })
        let released = try hosts.fiduciary.client().call(
            .receiveOrderPart(approved.parts.first { $0.kind == "approval" }?.cid ?? ""))
        #expect(released.orders.first?.state == "exhausted")
        #expect(released.parts.first { $0.kind == "release" }?.previous == wanted)
    }

    @Test(
        "an order's approver sees the last redemptions of each redeemer: one who sends many crowds out only their own")
    func crowd() throws {
        let hosts = try Hosts(more: ["mallory"])
        let order = try contested(hosts)
        let wanted = try hosts.principal.client().call(.redeemOrder(order, as: "alice")).cid(of: "redemption")
        try carry(order, hosts.principal, hosts.beneficiary)
        // His agent from a copy of its state, again and again: each time it knows of none that he made before.
        #expect(hosts.principal.stop() == 0)
        let copy = try hosts.principal.copyState()
        var spam: [String] = []
        for number in 0..<5 {
            try hosts.principal.start()
            let made = try hosts.principal.client().call(
                .redeemOrder(order, as: "mallory", purpose: "spam \(number)")
            ).cid(of: "redemption")
            spam.append(made)
            try hosts.principal.bring(made, to: hosts.beneficiary)
            _ = try hosts.beneficiary.client().call(.receiveOrderPart(made))
            #expect(hosts.principal.stop() == 0)
            try hosts.principal.rollBack(copy)
        }
        let open = try hosts.beneficiary.client().call(.showOrder(order)).parts.filter { $0.open }.map(\.cid)
        #expect(open == [wanted] + spam.suffix(3))
        #expect(
            try hosts.beneficiary.client().call(.decideOnOrder(order, decision: "approve", redemption: wanted))
                .parts.first?.previous == wanted)
    }

    @Test("an order's approver that is replaced decides again: what it said before does not count any more")
    func rotatedApprover() throws {
        let agent = try TestAgent(more: "orders:\n  accept:\n    - { commit: auto }")
        let client = agent.client()
        for name in ["alice", "bank", "judge", "heir"] { _ = try client.call(.createIdentity(name)) }
        let order = try #require(
            client.call(
                newOrder {
                    $0.approvers = ["judge", "heir"]
                    $0.approvals = 2
                }
            ).orders.first
        ).cid
        let asked = try client.call(.redeemOrder(order)).cid(of: "redemption")
        for name in ["judge", "heir"] {
            _ = try client.call(.decideOnOrder(order, as: name, decision: "approve", redemption: asked))
        }
        let next = try client.call(.rotateIdentity("judge")).cid
        let missing = try client.refusal(.fulfilOrder(order))
        #expect(missing.code == .failedPrecondition)
        #expect(missing.message.contains("1 of 2 approvals"), "\(missing)")
        let again = try client.call(.decideOnOrder(order, as: "judge", decision: "approve", redemption: asked))
        #expect(again.parts.first { $0.kind == "approval" }?.from == next)
        #expect(try client.call(.fulfilOrder(order)).orders.first?.state == "exhausted")
        #expect(try client.call(.orderResult(order)).fields.first { $0.name == "approvals" }?.value == "2")
    }

    @Test(
        "an order's approver with many post-quantum keys behind it does not keep others' approvals from counting; a line too long is told"
    )
    func longLines() throws {
        let agent = try TestAgent(more: "orders:\n  accept:\n    - { commit: auto }")
        let client = agent.client()
        for name in ["alice", "bank", "heir"] { _ = try client.call(.createIdentity(name)) }
        _ = try client.call(.createIdentity("judge", postQuantum: true))
        for _ in 0..<60 { _ = try client.call(.rotateIdentity("judge", postQuantum: true)) }
        func ordered(_ approvers: [String]) throws -> String {
            let order = try #require(
                client.call(
                    newOrder {
                        $0.approvers = approvers
                        $0.approvals = 1
                    }
                ).orders.first
            ).cid
            let asked = try client.call(.redeemOrder(order)).cid(of: "redemption")
            for name in approvers {
                _ = try client.call(.decideOnOrder(order, as: name, decision: "approve", redemption: asked))
            }
            return order
        }
        let either = try ordered(["judge", "heir"])
        #expect(try client.call(.fulfilOrder(either)).orders.first?.state == "exhausted")
        let alone = try ordered(["judge"])
        let tooLong = try client.refusal(.fulfilOrder(alone))
        #expect(tooLong.code == .failedPrecondition)
        #expect(tooLong.message.contains("KiB, and it takes 512, of which"), "\(tooLong)")
        #expect(tooLong.message.contains("61 documents are of the line of judge"), "\(tooLong)")
        #expect(try client.call(.showOrder(alone)).orders.first?.state == "requested")
    }
}
