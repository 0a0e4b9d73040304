import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// Several users of one agent, and what they may do with orders.
@Suite("Users and orders", .ownThread, .enabled(if: OtherUser.arePossible, "several users need root"))
struct OrderPermissionTests {
    private let owner = OtherUser.wwwData
    private let orderer = OtherUser.backup
    private let approver = OtherUser.list
    private let fulfiller = OtherUser(uid: 39)
    private let stranger = OtherUser(uid: 9)

    private static let rules = """
        orders:
          accept:
            - { commit: manual, release: manual }
          orders_per_user: 2
        grants:
          - { to: ["unix:uid:34"], identities: [alice], operations: [order] }
          - { to: ["unix:uid:38"], identities: [judge], operations: [approve] }
          - { to: ["unix:uid:39"], identities: [bank], operations: [fulfil] }
        """

    private static let new =
        "new_order=[{'principal': 'alice', 'fiduciary': 'bank', 'approvers': ['judge'], 'approvals': 1}]"

    /// An agent whose three identities are one user's, who has granted each of three others one thing.
    private func agent() throws -> TestAgent {
        let agent = try TestAgent(more: Self.rules)
        _ = try owner.run("[agent.create_identity(name) for name in ('alice', 'bank', 'judge')]", on: agent)
        return agent
    }

    @Test(
        "users order, approve and fulfil by a grant for each: none of the three gives another, and strangers have none"
    )
    func grants() throws {
        let agent = try agent()
        let denied = { (text: String) in text.hasPrefix("PERMISSION_DENIED") }
        for user in [approver, fulfiller, stranger] {
            #expect(denied(try user.run("agent.order('create', \(Self.new))", on: agent)), "\(user.uid)")
        }
        let cid = try orderer.run("print(agent.order('create', \(Self.new))['cid'])", on: agent)
        #expect(cid.hasPrefix("bafy"))
        func tries(_ call: String, may: OtherUser, _ printed: String) throws {
            for user in [orderer, approver, fulfiller, stranger] where user.uid != may.uid {
                let said = try user.run("agent.\(call)", on: agent)
                // Who has no part in it does not learn that it is there.
                #expect(
                    user.uid == stranger.uid ? said.hasPrefix("NOT_FOUND") : denied(said),
                    "\(user.uid) \(call): \(said)")
            }
            #expect(try may.run("print(agent.\(call)['state'])", on: agent) == printed, "\(call)")
        }
        try tries("order('fulfil', '\(cid)')", may: fulfiller, "committed")
        try tries("order('redeem', '\(cid)', purpose='x')", may: orderer, "requested")
        try tries("order('approve', '\(cid)', decision='approve')", may: approver, "requested")
        try tries("order('fulfil', '\(cid)', decision='release')", may: fulfiller, "exhausted")
        for user in [approver, fulfiller] {
            #expect(denied(try user.run("agent.call('order_result', subject='\(cid)')", on: agent)))
        }
        #expect(
            try orderer.run("print(len(agent.call('order_result', subject='\(cid)')['data']))", on: agent) == "32")
        try tries("order('destroy', '\(cid)')", may: fulfiller, "destroyed")
        // All three see it; a purpose, who may read the redemption. Root sees it as well, and decides nothing.
        for user in [orderer, approver, fulfiller] {
            #expect(
                try user.run("print(len(agent.call('order_list')['lists'][0]['orders']))", on: agent) == "1")
        }
        #expect(try stranger.run("print(agent.call('order_list')['lists'])", on: agent) == "[]")
        let root = agent.client()
        #expect(try root.call(.listOrders()).orders.map(\.cid) == [cid])
        #expect(try root.refusal(.redeemOrder(cid)).code == .permissionDenied)
        #expect(try root.refusal(.fulfilOrder(cid, decision: "release")).code == .permissionDenied)
    }

    @Test("users make as many orders as each of them may, and one that has used that up keeps no other from it")
    func limits() throws {
        let agent = try agent()
        for number in 0..<2 {
            #expect(
                try orderer.run("print(agent.order('create', \(Self.new))['state'])", on: agent) == "ordered",
                "\(number)")
        }
        let refused = try orderer.run("agent.order('create', \(Self.new))", on: agent)
        #expect(refused.hasPrefix("RESOURCE_EXHAUSTED"))
        #expect(refused.contains("that is the limit") && refused.contains("orders.orders_per_user"))
        #expect(try owner.run("print(agent.order('create', \(Self.new))['state'])", on: agent) == "ordered")
        // What was refused left nothing behind, and uses nothing up.
        #expect(try agent.client().call(.listOrders()).orders.count == 3)
        agent.stop()
        try agent.start()
        #expect(try orderer.run("agent.order('create', \(Self.new))", on: agent).hasPrefix("RESOURCE_EXHAUSTED"))
        #expect(try owner.run("print(agent.order('create', \(Self.new))['state'])", on: agent) == "ordered")
        #expect(try owner.run("agent.order('create', \(Self.new))", on: agent).hasPrefix("RESOURCE_EXHAUSTED"))
    }
}
