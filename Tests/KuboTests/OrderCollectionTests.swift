import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// What `ledger gc` leaves of orders, with a real node that has all of it.
@Suite(.ownThread, .enabled(if: TestNode.isInstalled)) struct OrderCollectionTests {
    private func create(_ client: BlockingAgentClient, _ type: String = "secret") throws -> String {
        try client.call(
            newOrder {
                $0.type = type
                if type == "sign" { $0.fields = [AgentField(name: "algorithm", value: "ed25519")] }
            }
        ).cid(of: "order")
    }

    /// Lets everything be published and whatever may go be dropped.
    /// - Returns: where the parts of an order are then, in their order.
    private func collect(_ agent: TestAgent, _ order: String) throws -> [String] {
        let client = agent.client()
        try agent.waitForPublication()
        let parts = try client.call(.showOrder(order)).parts.map(\.cid)
        for cid in parts { #expect(try client.publication(cid).state == "published") }
        var cursor = ""
        repeat { cursor = try client.call(.collectGarbage(dryRun: false, cursor: cursor)).cursor } while !cursor.isEmpty
        let blocks = try client.call(.list(.ledgerList, count: 1000)).blocks
        return parts.map { cid in blocks.first { $0.cid == cid }?.place ?? "nowhere" }
    }

    @Test("the parts of an order stay until it is over, and are fetched again when somebody reads them then")
    func held() throws {
        let node = try TestNode()
        let agent = try TestAgent(starting: false)
        try agent.publish(to: node.api)
        try agent.addConfiguration("orders:\n  accept:\n    - { commit: auto }")
        try agent.start()
        let client = agent.client()
        for name in ["alice", "bank"] { _ = try client.call(.createIdentity(name)) }
        let unrelated = try client.call(.putBlock(Array("no order's".utf8))).cid
        func isHere(_ cid: String) throws -> Bool {
            try client.call(.list(.ledgerList, count: 1000)).blocks.contains { $0.cid == cid && $0.place == "here" }
        }

        let order = try create(client)
        #expect(try collect(agent, order) == ["here", "here"], "committed")
        #expect(try !isHere(unrelated))
        _ = try client.call(.redeemOrder(order))
        #expect(try collect(agent, order) == ["here", "here", "here"], "requested")
        #expect(try client.call(.fulfilOrder(order)).orders.first?.state == "exhausted")
        #expect(try collect(agent, order) == ["ipfs", "ipfs", "ipfs", "ipfs"], "exhausted")
        #expect(try client.call(.orderResult(order)).data.count == 32)
        _ = try collect(agent, order)
        #expect(try client.call(.destroyOrder(order)).orders.first?.state == "destroyed", "the receipt answers part 2")

        let pending = try create(client)
        _ = try client.call(.destroyOrder(pending))
        #expect(try client.call(.showOrder(pending)).orders.first?.state == "destroyed")
        #expect(try collect(agent, pending) == ["here", "here", "here"], "its last receipt is still to be signed")
        // The key of this one is its own, and gone with it.
        let gone = try create(client, "sign")
        _ = try client.call(.destroyOrder(gone))
        #expect(try collect(agent, gone) == ["ipfs", "ipfs", "ipfs"], "destroyed")
    }
}
