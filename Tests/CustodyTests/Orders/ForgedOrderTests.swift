import CustodyProtocol
import DTAFormats
import DTASystem
import TestSupport
import Testing

@Suite("Orders that dtad-hsm does not take, and epochs", .ownThread)
struct ForgedOrderTests {
    let host: OrderHost

    init() throws { host = try OrderHost() }

    private func newSeed(
        _ part1: [UInt8], fiduciary: RecipientKey? = nil, documents: [[UInt8]]? = nil, epoch: UInt32 = 1
    ) throws -> CreatedSeed {
        try host.custody.ask(
            NewSeed(
                fiduciary: fiduciary ?? host.fiduciary.recipientKey, order: SignedBlock(part1),
                documents: (documents ?? host.documents).map(SignedBlock.init),
                epoch: epoch))
    }

    private func newKey(_ part1: [UInt8]) throws -> CreatedOrderKey {
        try host.custody.ask(
            NewOrderKey(
                fiduciary: host.fiduciary.recipientKey, order: SignedBlock(part1),
                documents: host.documents.map(SignedBlock.init), epoch: 1))
    }

    @Test("dtad-hsm takes no part 1 with another's signature, of another principal, or to another fiduciary")
    func parties() throws {
        let order = try Order(kind: OrderKind.secret, terms: host.terms())
        let part1 = try host.part1(order)
        _ = try newSeed(part1.block)
        let thief = try Remote("thief")
        let documents = host.documents + [thief.document.block]
        host.refused(.dataLoss) { try newSeed(part1.signed(by: thief), documents: documents) }
        let inAnothersName = try thief.part(.order, order.encoded(), to: [host.fiduciary.document])
        host.refused(.permissionDenied) { try newSeed(inAnothersName.block, documents: documents) }
        host.refused(.failedPrecondition) { try newSeed(inAnothersName.block) }
        let elsewhere = try Order(kind: OrderKind.secret, terms: host.terms(fiduciary: thief.cid))
        host.refused(.permissionDenied) { try newSeed(host.part1(elsewhere).block, documents: documents) }
        let second = try HeldIdentity(host.custody, name: "second")
        let misdirected = try host.principal.part(.order, order.encoded(), to: [second.document])
        let withSecond = host.documents + [second.document.block]
        host.refused(.permissionDenied) { try newSeed(misdirected.block, documents: withSecond) }
        host.refused(.permissionDenied) {
            try newSeed(misdirected.block, fiduciary: second.recipientKey, documents: withSecond)
        }
        host.refused(.permissionDenied) {
            try newSeed(part1.block, fiduciary: second.recipientKey, documents: withSecond)
        }
    }

    @Test("dtad-hsm takes no part 1 that was altered, that answers something, or that is another part")
    func altered() throws {
        let order = try Order(kind: OrderKind.secret, terms: host.terms())
        let part1 = try host.part1(order)
        for index in stride(from: 0, to: part1.block.count, by: 61) {
            #expect(throws: DTAError.self, "byte \(index)") { try newSeed(part1.block.flipped(at: index)) }
        }
        let answer = try host.principal.part(
            .order, order.encoded(), to: [host.fiduciary.document], answering: part1)
        host.refused(.permissionDenied) { try newSeed(answer.block) }
        let disguised = try host.principal.part(.commitment, order.encoded(), to: [host.fiduciary.document])
        host.refused(.permissionDenied) { try newSeed(disguised.block) }
        let nonsense = try host.principal.part(.order, [0xa0], to: [host.fiduciary.document])
        host.refused(.invalidArgument) { try newSeed(nonsense.block) }
        host.refused(.failedPrecondition, "no such epoch") { try newSeed(part1.block, epoch: 9) }
        #expect(!host.custody.isBroken)
    }

    @Test("dtad-hsm makes no seed for a key that is to be used in place, nor the other way round")
    func kinds() throws {
        let sign = try Order(
            kind: OrderKind.sign, terms: host.terms(), fields: OrderFields([OrderKind.algorithm: .text("ed25519")]))
        host.refused(.permissionDenied) { try newSeed(host.part1(sign).block) }
        for kind in [OrderKind.secret, OrderKind.safeguardSecret, "something-else"] {
            let order = try host.part1(Order(kind: kind, terms: host.terms()))
            host.refused(.permissionDenied) { try newKey(order.block) }
            _ = try newSeed(order.block)
        }
        for algorithm in ["", "aes256", "hmac-sha256", "ED25519"] {
            let fields = try OrderFields([OrderKind.algorithm: .text(algorithm)])
            let order = try Order(kind: OrderKind.sign, terms: host.terms(), fields: fields)
            host.refused(.invalidArgument) { try newKey(host.part1(order).block) }
        }
        // A seed is not used in place.
        let taken = try host.take()
        host.refused(.permissionDenied) {
            try host.custody.ask(
                SignForOrder(
                    RedemptionRequest(
                        fiduciary: host.fiduciary.recipientKey, sealed: taken.sealed, order: taken.part1.cid,
                        redemption: SignedBlock(host.redeem(taken).block), approvals: [],
                        documents: host.documents.map(SignedBlock.init),
                        received: OrderHost.now)))
        }
        #expect(try host.custody.ask(ListObjects(objectClass: .order)).isEmpty)
    }

    @Test("dtad-hsm seals no order of one owner again for another owner, or as another order")
    func resealing() throws {
        let (taken, other) = (try host.take(), try host.take())
        try host.custody.ask(NewEpoch(number: 2))
        func reseal(
            _ blob: [UInt8], _ order: CID, uid: UInt32 = 1000, epoch: UInt32 = 2
        ) throws -> [UInt8] {
            try host.custody.ask(ResealOrder(sealed: blob, order: order, owner: ObjectOwner(uid: uid), epoch: epoch))
        }
        host.refused(.dataLoss) { try reseal(taken.sealed, taken.part1.cid, uid: 1001) }
        host.refused(.dataLoss) { try reseal(taken.sealed, other.part1.cid) }
        host.refused(.dataLoss) { try reseal(host.fiduciary.keys.sealedSeed, taken.part1.cid) }
        host.refused(.failedPrecondition) { try reseal(taken.sealed, taken.part1.cid, epoch: 3) }
        let moved = try reseal(taken.sealed, taken.part1.cid)
        #expect(moved != taken.sealed && moved.prefix(5) == [2, 0, 0, 0, 2])
        let redemption = try host.redeem(taken).block
        let released = try host.read(host.release(taken, redemption, sealed: moved), as: host.beneficiary)
        let secret = try #require(released.result[OrderKind.secret]?.bytes)
        #expect(try Secp256k1Scalar(secret).publicKey.bytes == taken.publicKey)
    }

    @Test("what an epoch's key sealed is gone with it, for every process, also one that used it before")
    func destruction() throws {
        let (taken, survivor) = (try host.take(), try host.take())
        let bystander = try HSMProcess(host.token).connect()
        let redemption = try host.redeem(taken).block
        _ = try host.release(taken, redemption, by: bystander)
        try host.custody.ask(NewEpoch(number: 2))
        let moved = try host.custody.ask(
            ResealOrder(
                sealed: survivor.sealed, order: survivor.part1.cid, owner: ObjectOwner(uid: 1000), epoch: 2))
        try host.custody.ask(DestroyEpoch(number: 1))
        try host.custody.ask(DestroyEpoch(number: 1))
        for process in [host.custody, bystander, try HSMProcess(host.token).connect()] {
            host.refused(.dataLoss) { try host.release(taken, redemption, by: process) }
            _ = try host.release(survivor, host.redeem(survivor).block, sealed: moved, by: process)
        }
        // No key takes its number again.
        host.refused(.failedPrecondition) { try host.custody.ask(NewEpoch(number: 1)) }
        host.refused(.dataLoss) { try host.release(taken, redemption) }
        try host.custody.ask(NewEpoch(number: 2))
        _ = try host.release(survivor, host.redeem(survivor).block, sealed: moved)
    }

    @Test("dtad-hsm refuses requests about orders with fields that are missing, too many or too long")
    func bounds() throws {
        let taken = try host.take()
        let redemption = try host.redeem(taken).block
        let large = [UInt8](repeating: 0, count: (512 << 10) + 1)
        host.refused(.invalidArgument) { try host.release(taken, redemption, documents: [large]) }
        host.refused(.invalidArgument) {
            try host.release(taken, redemption, documents: Array(repeating: [1], count: 5000))
        }
        host.refused(.invalidArgument) { try host.release(taken, Array(large.prefix((256 << 10) + 1))) }
        host.refused(.invalidArgument) { try newSeed(Array(large.prefix((256 << 10) + 1))) }
        var key = host.fiduciary.recipientKey
        key.publicKEM.removeLast()
        host.refused(.invalidArgument) { try host.release(taken, redemption, fiduciary: key) }
    }
}
