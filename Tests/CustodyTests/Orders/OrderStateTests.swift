import CustodyProtocol
import DTAFormats
import DTASystem
import TestSupport
import Testing

/// What plugins keep of orders: sealed under epochs' keys, and no seed.
@Suite("What a plugin keeps of an order", .ownThread)
struct OrderStateTests {
    let host: OrderHost
    private let state = [UInt8]("a share".utf8)

    init() throws { host = try OrderHost() }

    private var owner: ObjectOwner { host.fiduciary.owner }
    private let order = CID(hashing: [1, 2, 3], codec: .dagCBOR)

    @Test("what a plugin keeps of an order opens for the same order and owner, in any process, and for nothing else")
    func binding() throws {
        let custody = host.custody
        let sealed = try custody.ask(SealOrderState(state: state, order: order, owner: owner, epoch: 1))
        for connection in [custody, try HSMProcess(host.token).connect()] {
            #expect(try connection.ask(OpenOrderState(sealed: sealed, order: order, owner: owner)) == state)
        }
        #expect(!sealed.indices.dropLast(state.count - 1).contains { sealed[$0...].starts(with: state) })
        let other = CID(hashing: [4], codec: .dagCBOR)
        host.refused(.dataLoss) {
            try custody.ask(OpenOrderState(sealed: sealed, order: other, owner: owner))
        }
        host.refused(.dataLoss) {
            try custody.ask(OpenOrderState(sealed: sealed, order: order, owner: ObjectOwner(uid: owner.uid + 1)))
        }
        for index in sealed.indices {
            host.refused(.dataLoss, "byte \(index)") {
                try custody.ask(OpenOrderState(sealed: sealed.flipped(at: index), order: order, owner: owner))
            }
        }
        let largest = [UInt8](repeating: 7, count: 64 << 10)
        let whole = try custody.ask(SealOrderState(state: largest, order: order, owner: owner, epoch: 1))
        #expect(try custody.ask(OpenOrderState(sealed: whole, order: order, owner: owner)) == largest)
        host.refused(.invalidArgument) {
            try custody.ask(SealOrderState(state: largest + [0], order: order, owner: owner, epoch: 1))
        }
        host.refused(.failedPrecondition) {
            try custody.ask(SealOrderState(state: state, order: order, owner: owner, epoch: 2))
        }
        let none = try custody.ask(SealOrderState(state: [], order: order, owner: owner, epoch: 1))
        #expect(try custody.ask(OpenOrderState(sealed: none, order: order, owner: owner)) == [])
    }

    @Test(
        "what a plugin keeps of an order is never a seed: the front opens none by it, and has none released that it made"
    )
    func noSeeds() throws {
        let custody = host.custody
        let taken = try host.take()
        let id = taken.part1.cid
        host.refused(.dataLoss) {
            try custody.ask(OpenOrderState(sealed: taken.sealed, order: id, owner: owner))
        }
        host.refused(.dataLoss) {
            try custody.ask(ResealOrderState(sealed: taken.sealed, order: id, owner: owner, epoch: 1))
        }
        let redemption = try host.redeem(taken)
        // As the sealed order, with a seed that the front knows.
        let plaintext =
            try [UInt8](repeating: 1, count: 32)
            + DAGCBOR.encode(
                .map([
                    "by": .link(host.principal.cid), "order": .bytes(taken.order.encoded()),
                    "thread": .bytes(taken.part1.envelope.header.thread),
                ]))
        let made = try custody.ask(SealOrderState(state: plaintext, order: id, owner: owner, epoch: 1))
        host.refused(.dataLoss) { try host.release(taken, redemption.block, sealed: made) }
        host.refused(.dataLoss) {
            try custody.ask(ResealOrder(sealed: made, order: id, owner: owner, epoch: 1))
        }
        host.refused(.dataLoss) { try custody.ask(UnsealState(sealed: made, purpose: "plugin", id: id.bytes)) }
        // What was sealed under the key of rows is no such blob either.
        let row = try custody.ask(SealState(plaintext: state, purpose: "plugin", id: id.bytes))
        host.refused(.dataLoss) { try custody.ask(OpenOrderState(sealed: row, order: id, owner: owner)) }
        _ = try host.release(taken, redemption.block)
    }

    @Test("what a plugin keeps of an order is sealed again under another epoch, and goes with its key")
    func epochs() throws {
        let custody = host.custody
        let old = try custody.ask(SealOrderState(state: state, order: order, owner: owner, epoch: 1))
        host.refused(.failedPrecondition) {
            try custody.ask(ResealOrderState(sealed: old, order: order, owner: owner, epoch: 2))
        }
        try custody.ask(NewEpoch(number: 2))
        let new = try custody.ask(ResealOrderState(sealed: old, order: order, owner: owner, epoch: 2))
        try custody.ask(DestroyEpoch(number: 1))
        #expect(try custody.ask(OpenOrderState(sealed: new, order: order, owner: owner)) == state)
        host.refused(.dataLoss) { try custody.ask(OpenOrderState(sealed: old, order: order, owner: owner)) }
        host.refused(.dataLoss) {
            try HSMProcess(host.token).connect().ask(OpenOrderState(sealed: old, order: order, owner: owner))
        }
    }
}
