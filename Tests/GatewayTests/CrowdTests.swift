import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// Many who want the same of one gateway at the same time.
@Suite("A crowd at a gateway", .ownThread)
struct CrowdTests {
    @Test("a crowd at a gateway that wants the same secret gets the same, and there is one redemption of it")
    func sameSecret() throws {
        let agent = try TestAgent(more: "orders:\n  accept:\n    - { commit: auto, release: auto }")
        for name in ["acme", "bank"] { _ = try agent.client().call(.createIdentity(name)) }
        let gateway = try TestGateway(
            agent: agent.socketPath,
            configuration: """
                authentication: { none: true }
                limits: { requests_per_minute: 60000, burst: 1000 }
                orders: { principal: acme, fiduciary: bank, release_secrets: true }
                """)
        let ordered = try gateway.post("/v1/order", "{}")
        let reference = try #require(ordered["OrderReference"] as? String, "\(ordered.text)")
        let answers = Monitor<[Result<HTTPExchange, any Error>]>([])
        let clients = 60
        for number in 0..<clients {
            Foundation.Thread.detachNewThread {
                let answer = Result {
                    number % 3 == 0
                        ? try gateway.request("/v1/order/\(reference)")
                        : try gateway.post("/v1/order/secret", #"{"OrderReference":"\#(reference)"}"#)
                }
                answers.withLockSignalling { $0.append(answer) }
            }
        }
        let all = try (answers.wait { $0.count == clients ? $0 : nil } ?? []).map { try $0.get() }
        // Who comes while the first one's is under way is told to ask again.
        for answer in all { #expect([200, 409].contains(answer.status), "\(answer.status) \(answer.text)") }
        let secrets = Set(all.compactMap { $0["Secret"] as? String })
        #expect(secrets.count == 1)
        let again = try gateway.post("/v1/order/secret", #"{"OrderReference":"\#(reference)"}"#)
        #expect(again["Secret"] as? String == secrets.first)
        let parts = try agent.client().call(.showOrder(reference)).parts
        #expect(parts.map(\.kind) == ["order", "commitment", "redemption", "release"])
    }
}
