import CustodyProtocol
import DTAFormats
import DTASystem
import TestSupport
import Testing

/// What plugins keep of orders: sealed under epochs' keys, and no seed.
@Suite("What a plugin keeps of an order")
struct OrderStateTests {
    let host: OrderHost
    private let state = [UInt8]("a share".utf8)

    init() throws { host = try OrderHost() }

    private var owner: ObjectOwner { host.fiduciary.owner }
    private let order = CID(hashing: [1, 2, 3], codec: .dagCBOR)

    @Test("what a plugin keeps of an order opens for the same order and owner, in any process, and for nothing else")
    func binding() throws {
        let custody = host.custody
        let sealed = try custody.sealOrderState(state, order: order.bytes, owner: owner, epoch: 1)
        for connection in [custody, try HSMProcess(host.token).connect()] {
            #expect(try connection.openOrderState(sealed, order: order.bytes, owner: owner) == state)
        }
        #expect(!sealed.indices.dropLast(state.count - 1).contains { sealed[$0...].starts(with: state) })
        let other = CID(hashing: [4], codec: .dagCBOR).bytes
        host.refused(.dataLoss) { try custody.openOrderState(sealed, order: other, owner: owner) }
        host.refused(.dataLoss) {
            try custody.openOrderState(sealed, order: order.bytes, owner: ObjectOwner(uid: owner.uid + 1))
        }
        for index in sealed.indices {
            host.refused(.dataLoss, "byte \(index)") {
                try custody.openOrderState(sealed.flipped(at: index), order: order.bytes, owner: owner)
            }
        }
        let largest = [UInt8](repeating: 7, count: 64 << 10)
        let whole = try custody.sealOrderState(largest, order: order.bytes, owner: owner, epoch: 1)
        #expect(try custody.openOrderState(whole, order: order.bytes, owner: owner) == largest)
        host.refused(.invalidArgument) {
            try custody.sealOrderState(largest + [0], order: order.bytes, owner: owner, epoch: 1)
        }
        host.refused(.failedPrecondition) {
            try custody.sealOrderState(state, order: order.bytes, owner: owner, epoch: 2)
        }
        let none = try custody.sealOrderState([], order: order.bytes, owner: owner, epoch: 1)
        #expect(try custody.openOrderState(none, order: order.bytes, owner: owner) == [])
    }

    @Test(
        "what a plugin keeps of an order is never a seed: the front opens none by it, and has none released that it made"
    )
    func noSeeds() throws {
        let custody = host.custody
        let taken = try host.take()
        let id = taken.part1.cid.bytes
        host.refused(.dataLoss) { try custody.openOrderState(taken.sealed, order: id, owner: owner) }
        host.refused(.dataLoss) { try custody.resealOrderState(taken.sealed, order: id, owner: owner, epoch: 1) }
        let redemption = try host.redeem(taken)
        // As the sealed order, with a seed that the front knows.
        let plaintext =
            try [UInt8](repeating: 1, count: 32)
            + DAGCBOR.encode(
                .map([
                    "by": .link(host.principal.cid), "order": .bytes(taken.order.encoded()),
                    "thread": .bytes(taken.part1.envelope.header.thread),
                ]))
        let made = try custody.sealOrderState(plaintext, order: id, owner: owner, epoch: 1)
        host.refused(.dataLoss) { try host.release(taken, redemption.block, sealed: made) }
        host.refused(.dataLoss) { try custody.resealOrder(made, order: id, owner: owner, epoch: 1) }
        host.refused(.dataLoss) { try custody.unsealState(made, purpose: "plugin", id: id) }
        // What was sealed under the key of rows is no such blob either.
        let row = try custody.sealState(state, purpose: "plugin", id: id)
        host.refused(.dataLoss) { try custody.openOrderState(row, order: id, owner: owner) }
        _ = try host.release(taken, redemption.block)
    }

    @Test("what a plugin keeps of an order is sealed again under another epoch, and goes with its key")
    func epochs() throws {
        let custody = host.custody
        let old = try custody.sealOrderState(state, order: order.bytes, owner: owner, epoch: 1)
        host.refused(.failedPrecondition) {
            try custody.resealOrderState(old, order: order.bytes, owner: owner, epoch: 2)
        }
        try custody.newEpoch(2)
        let new = try custody.resealOrderState(old, order: order.bytes, owner: owner, epoch: 2)
        try custody.destroyEpoch(1)
        #expect(try custody.openOrderState(new, order: order.bytes, owner: owner) == state)
        host.refused(.dataLoss) { try custody.openOrderState(old, order: order.bytes, owner: owner) }
        host.refused(.dataLoss) {
            try HSMProcess(host.token).connect().openOrderState(old, order: order.bytes, owner: owner)
        }
    }
}
