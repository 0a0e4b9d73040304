import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// What fails around an order: its HSM, its disk.
@Suite("An order outlives", .ownThread)
struct OrderFailureTests {
    private func ordered(_ agent: TestAgent, _ type: String) throws -> String {
        let order = try agent.client().call(
            newOrder {
                $0.type = type
                if type == "sign" { $0.fields = [AgentField(name: "algorithm", value: "ed25519")] }
            })
        return try #require(order.orders.first).cid
    }

    private func redeem(_ agent: TestAgent, _ order: String, _ type: String) throws {
        _ = try agent.client().call(.redeemOrder(order, data: type == "sign" ? [1, 2, 3] : []))
    }

    @Test(
        "an order outlives its HSM's processes being killed between any two of its parts",
        arguments: ["secret", "sign"])
    func killed(type: String) throws {
        let agent = try TestAgent()
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        func kill() throws {
            let before = agent.custodians
            #expect(!before.isEmpty)
            for pid in before { Foundation.kill(pid, SIGKILL) }
        }
        /// What is asked meanwhile is done, or refused clearly, and done when it is asked again.
        func insisting(_ request: AgentRequest) throws {
            try agent.wait("the HSM") {
                do {
                    return try agent.client().call(request).code == .ok
                } catch let error as DTAError {
                    #expect(error.code == .unavailable, "\(error)")
                    return false
                }
            }
        }
        let order = try ordered(agent, type)
        try kill()
        try insisting(.fulfilOrder(order, decision: "commit"))
        try kill()
        try insisting(.redeemOrder(order, data: type == "sign" ? [1, 2, 3] : []))
        try kill()
        try insisting(.fulfilOrder(order, decision: "release"))
        try kill()
        try insisting(.orderResult(order))
        let shown = try agent.client().call(.showOrder(order))
        #expect(shown.orders.first?.state == "exhausted")
        #expect(shown.parts.map(\.kind) == ["order", "commitment", "redemption", "release"])
    }

    @Test(
        "an order outlives its token being away between commitment and release: told clearly, and released when it is back"
    )
    func tokenAway() throws {
        let agent = try TestAgent(starting: false)
        try agent.addHSMConfiguration(["cache_session_objects: false"])
        try agent.start()
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        for type in ["secret", "sign"] {
            let order = try ordered(agent, type)
            _ = try agent.client().call(.fulfilOrder(order, decision: "commit"))
            try redeem(agent, order, type)
            try FileManager.default.moveItem(atPath: agent.tokens, toPath: agent.tokens + ".away")
            for _ in 0..<3 {
                let error = try agent.client().refusal(.fulfilOrder(order, decision: "release"))
                #expect(error.code == .unavailable, "\(error)")
            }
            // What needs no HSM is told meanwhile.
            #expect(try agent.client().call(.listOrders()).orders.first { $0.cid == order }?.state == "requested")
            try FileManager.default.moveItem(atPath: agent.tokens + ".away", toPath: agent.tokens)
            try agent.wait("the HSM to be back") {
                (try? agent.client().call(.fulfilOrder(order, decision: "release")))?.code == .ok
            }
            #expect(try agent.client().call(.orderResult(order)).data.count == (type == "sign" ? 64 : 32))
            #expect(
                try agent.client().call(.showOrder(order)).parts.map(\.kind) == [
                    "order", "commitment", "redemption", "release",
                ])
        }
    }

    @Test(
        "an order outlives a full disk at each of its parts: nothing is half done, and goes on when there is room"
    )
    func fullDisk() throws {
        let agent = try TestAgent(starting: false)
        let away = agent.directory.file("away")
        try FileManager.default.moveItem(atPath: agent.state, toPath: away)
        guard let disk = try SmallDisk(kilobytes: 32 << 10, at: agent.state) else { return }
        defer { withExtendedLifetime(disk) {} }
        for name in try FileManager.default.contentsOfDirectory(atPath: away) {
            try FileManager.default.copyItem(atPath: away + "/" + name, toPath: agent.state + "/" + name)
        }
        try agent.start()
        for name in ["alice", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let filler = agent.state + "/filler"
        func fill() throws {
            let descriptor = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            #expect(descriptor >= 0)
            defer { close(descriptor) }
            let block = [UInt8](repeating: 0, count: 1 << 16)
            for size in [1 << 16, 1 << 12, 1] {
                while write(descriptor, block, size) > 0 {}
            }
        }
        /// Refused while there is no room, which changes nothing; done when there is.
        func twice(_ what: String, _ order: String?, _ request: AgentRequest) throws -> AgentResponse {
            let before = try order.map { try agent.client().call(.showOrder($0)) }
            try fill()
            // Some pages can be written still: it is asked until there is no more room for anything.
            var refused: DTAError?
            for _ in 0..<50 where refused == nil {
                do {
                    _ = try agent.client().call(.putBlock((0..<4096).map { _ in UInt8.random(in: 0...255) }))
                } catch let error as DTAError {
                    refused = error
                }
            }
            #expect(refused != nil)
            let error = try agent.client().refusal(request)
            #expect([.resourceExhausted, .unavailable].contains(error.code), "\(what): \(error)")
            unlink(filler)
            if let order, let before {
                let after = try agent.client().call(.showOrder(order))
                #expect(after.orders.first?.state == before.orders.first?.state, "\(what)")
                #expect(after.parts.map(\.cid) == before.parts.map(\.cid), "\(what)")
            }
            return try agent.client().call(request)
        }
        let order = try #require(twice("create", nil, newOrder()).orders.first).cid
        #expect(try agent.client().call(.listOrders()).orders.map(\.cid) == [order], "the refused one is not there")
        #expect(try twice("commit", order, .fulfilOrder(order)).orders.first?.state == "committed")
        #expect(try twice("redeem", order, .redeemOrder(order)).orders.first?.state == "requested")
        #expect(try twice("release", order, .fulfilOrder(order)).orders.first?.state == "exhausted")
        #expect(try agent.client().call(.orderResult(order)).data.count == 32)
        #expect(try twice("destroy", order, .destroyOrder(order)).orders.first?.state == "destroyed")
        #expect(agent.stop() == 0)
        try agent.start()
        #expect(try agent.client().call(.showOrder(order)).orders.first?.state == "destroyed")
        #expect(agent.stop() == 0)
    }
}
