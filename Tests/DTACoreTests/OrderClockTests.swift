import DTAConfiguration
import DTAFormats
import DTASystem
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAOrders

/// An order's times are those of the fiduciary's clock.
@Suite("The clock of orders")
struct OrderClockTests {
    private let time = Locked<Int64>(1_800_000_000)
    private let host: Host

    init() throws {
        var rule = Configuration.Orders.Rule()
        (rule.commit, rule.release) = (.auto, .auto)
        host = try Host(orders: [rule], clock: WallClock { [time] in time.withLock { $0 } })
        try host.identity("me")
        try host.identity("bank")
    }

    private func redeem(_ order: OrderView) throws -> OrderState {
        try host.core.orders.redeem(alice, "\(order.cid)", as: nil, purpose: "", data: [], fields: [])(host.custodian)
            .order.state
    }

    private func set(_ seconds: Int64) { time.withLock { $0 = seconds } }

    @Test("an order is released from the second on in which it begins, and until the one in which it ends")
    func times() throws {
        func order() throws -> OrderView {
            var new = NewOrder()
            (new.principal, new.fiduciary) = ("me", "bank")
            (new.notBefore, new.notAfter) = (1_800_000_100, 1_800_000_200)
            return try host.core.orders.create(alice, new)(host.custodian).order
        }
        let (first, last, late) = (try order(), try order(), try order())
        #expect(first.state == .committed && first.created == 1_800_000_000 && first.updated == 1_800_000_000)
        set(1_800_000_099)
        #expect(try refusal { _ = try redeem(first) }.message.contains("nothing may be redeemed before"))
        set(1_800_000_100)
        #expect(try redeem(first) == .exhausted)
        set(1_800_000_200)
        #expect(try redeem(last) == .exhausted)
        let shown = try host.core.orders.show(alice, "\(last.cid)")(host.custodian)
        #expect(shown.order.updated == 1_800_000_200)
        #expect(shown.parts.map(\.part.received) == [1_800_000_000, 1_800_000_000, 1_800_000_200, 1_800_000_200])
        set(1_800_000_201)
        #expect(try refusal { _ = try redeem(late) }.message.contains("the order expired at"))
    }
}
