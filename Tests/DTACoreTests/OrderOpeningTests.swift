import DTAConfiguration
import DTAFormats
import Testing

@testable import DTAAgent
@testable import DTALedger
@testable import DTAOrders

/// Each opening is work for the HSM, for which others wait. What dtad-hsm opens by itself to judge it does not count.
@Suite("How often parts of orders are opened")
struct OrderOpeningTests {
    private let host: Host

    init() throws {
        var rule = Configuration.Orders.Rule()
        (rule.commit, rule.release) = (.auto, .auto)
        host = try Host(orders: [rule])
        for name in ["me", "bank", "judge"] { try host.identity(name) }
    }

    private func create(_ type: String = "secret", _ change: (inout NewOrder) -> Void = { _ in }) throws -> OrderView {
        var new = NewOrder()
        (new.type, new.principal, new.fiduciary) = (type, "me", "bank")
        change(&new)
        return try host.core.orders.create(alice, new)(host.custodian).order
    }

    private func redeem(_ order: OrderView, data: [UInt8] = []) throws -> OrderView {
        try host.core.orders.redeem(alice, "\(order.cid)", as: "me", purpose: "", data: data, fields: [])(
            host.custodian
        ).order
    }

    /// Runs `body`.
    /// - Returns: which kinds of parts were opened for it, each as often as it was.
    private func opened(_ order: OrderView, _ body: () throws -> Void) throws -> [OrderPartKind] {
        host.custodian.opened.withLock { $0 = [] }
        try body()
        let hashes = host.custodian.opened.withLock { $0 }
        let parts = try host.core.orders.show(alice, "\(order.cid)")(host.custodian).parts.map(\.part)
        return try hashes.map { hash in
            let part = try parts.first {
                try SignedEnvelope(block: host.core.ledger.get("\($0.cid)").bytes).envelope.coreHash == hash
            }
            return try #require(part?.kind)
        }
    }

    @Test("an order that is committed to on the same host is opened by nobody")
    func commitment() throws {
        host.custodian.opened.withLock { $0 = [] }
        let order = try create()
        #expect(order.state == .committed)
        #expect(host.custodian.opened.withLock { $0.isEmpty })
    }

    @Test("a redemption that is released on the same host has part 1 opened once, and nothing else")
    func release() throws {
        let order = try create()
        let kinds = try opened(order) {
            let state = try redeem(order).state
            #expect(state == .exhausted)
        }
        #expect(kinds == [.order])
    }

    @Test("a signature that is released on the same host has parts 1 and 2 opened once")
    func signature() throws {
        let order = try create("sign") { $0.fields = [("algorithm", "ed25519")] }
        let kinds = try opened(order) {
            let state = try redeem(order, data: [1, 2, 3]).state
            #expect(state == .exhausted)
        }
        #expect(kinds.sorted { $0.rawValue < $1.rawValue } == [.commitment, .order])
    }

    @Test("an approval that lets a redemption be released has part 1 and the redemption opened once")
    func approval() throws {
        let order = try create { ($0.approvers, $0.approvals) = (["judge"], 1) }
        #expect(try redeem(order).state == .requested)
        let kinds = try opened(order) {
            let act = try host.core.orders.approve(
                alice, "\(order.cid)", as: "judge", decision: "approve", redemption: "", use: 0, expires: 0)
            let state = try act(host.custodian).order.state
            #expect(state == .exhausted)
        }
        #expect(kinds.sorted { $0.rawValue < $1.rawValue } == [.order, .redemption])
    }

    @Test("a redemption in the same words again has each part opened once")
    func again() throws {
        let order = try create { ($0.approvers, $0.approvals) = (["judge"], 1) }
        _ = try redeem(order)
        let kinds = try opened(order) {
            let state = try redeem(order).state
            #expect(state == .requested)
        }
        #expect(Set(kinds).count == kinds.count, "\(kinds)")
    }
}
