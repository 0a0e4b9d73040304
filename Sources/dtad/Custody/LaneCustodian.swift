import AgentServer
import CustodyProtocol
import DTASystem

/// A custodian for whoever works for long between two calls, as one does who waits for a plugin: each call goes to the
/// slow lane by itself, and in between nobody's dtad-hsm is kept waiting.
final class LaneCustodian: Custodian {
    typealias Lane = @Sendable (@escaping @Sendable (CustodyAccess) -> Void) -> Bool

    /// Longer than everything that can be before it in the lane, so that it ends only where the lane does.
    private static let patienceNanoseconds: UInt64 = 120_000_000_000

    private let lane: Lane

    init(_ lane: @escaping Lane) { self.lane = lane }

    private func call<Result: Sendable>(
        _ body: @escaping @Sendable (any Custodian) throws -> Result
    ) throws -> Result {
        let answer = Monitor(Swift.Result<Result, any Error>?.none)
        let isAbandoned = Locked(false)
        let isTaken = lane { access in
            // Nothing is done any more for somebody who was told that it was not.
            guard !isAbandoned.withLock({ $0 }) else { return }
            let result = Swift.Result { try body(try access.get()) }
            answer.withLockSignalling { $0 = result }
        }
        let end = monotonicNanoseconds() + LaneCustodian.patienceNanoseconds
        // It may be a secret: it is taken out, so that who wipes it wipes the only one.
        guard isTaken, let result = answer.wait(until: end, for: { $0.take() }) else {
            isAbandoned.withLock { $0 = true }
            throw DTAError(.unavailable, "the agent is stopping, or its HSM is away", hint: "try again")
        }
        return try result.get()
    }

    // MARK: Keys

    func describe() throws -> TokenDescription { try call { try $0.describe() } }

    func random(count: Int) throws -> [UInt8] { try call { try $0.random(count: count) } }

    func list(_ objectClass: ObjectClass) throws -> [TokenObject] { try call { try $0.list(objectClass) } }

    func generate(_ type: KeyType, owner: ObjectOwner, id: ObjectID) throws -> [UInt8] {
        try call { try $0.generate(type, owner: owner, id: id) }
    }

    func publicKey(_ id: ObjectID) throws -> (KeyType, [UInt8]) { try call { try $0.publicKey(id) } }

    func delete(_ objectClass: ObjectClass, id: ObjectID) throws { try call { try $0.delete(objectClass, id: id) } }

    func forget(_ id: ObjectID) throws { try call { try $0.forget(id) } }

    func sign(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] { try call { try $0.sign(id, input: input) } }

    func mac(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] { try call { try $0.mac(id, input: input) } }

    func encrypt(_ id: ObjectID, plaintext: [UInt8], aad: [UInt8]) throws -> [UInt8] {
        try call { try $0.encrypt(id, plaintext: plaintext, aad: aad) }
    }

    func decrypt(_ id: ObjectID, ciphertext: [UInt8], aad: [UInt8]) throws -> [UInt8] {
        try call { try $0.decrypt(id, ciphertext: ciphertext, aad: aad) }
    }

    // MARK: Identities and envelopes

    func createIdentity(owner: ObjectOwner, signing: ObjectID, kem: ObjectID) throws -> CreatedIdentityKeys {
        try call { try $0.createIdentity(owner: owner, signing: signing, kem: kem) }
    }

    func signDocument(_ id: ObjectID, context: String, hash: [UInt8]) throws -> [UInt8] {
        try call { try $0.signDocument(id, context: context, hash: hash) }
    }

    func createPostQuantumKey(_ signing: ObjectID) throws -> PostQuantumKey {
        try call { try $0.createPostQuantumKey(signing) }
    }

    func signPostQuantum(
        _ signing: ObjectID, key: PostQuantumKey, context: String, hash: [UInt8]
    ) throws -> [UInt8] {
        try call { try $0.signPostQuantum(signing, key: key, context: context, hash: hash) }
    }

    func openKey(
        kem: ObjectID, owner: ObjectOwner, publicKEM: [UInt8], sealedSeed: [UInt8], coreHash: [UInt8],
        recipient: [UInt8], enc: [UInt8], key: [UInt8]
    ) throws -> [UInt8] {
        try call {
            try $0.openKey(
                kem: kem, owner: owner, publicKEM: publicKEM, sealedSeed: sealedSeed, coreHash: coreHash,
                recipient: recipient, enc: enc, key: key)
        }
    }

    func sealState(_ plaintext: [UInt8], purpose: String, id: [UInt8]) throws -> [UInt8] {
        try call { try $0.sealState(plaintext, purpose: purpose, id: id) }
    }

    func unsealState(_ blob: [UInt8], purpose: String, id: [UInt8]) throws -> [UInt8] {
        try call { try $0.unsealState(blob, purpose: purpose, id: id) }
    }

    // MARK: Orders

    func newSeed(
        _ fiduciary: RecipientKey, order: [UInt8], documents: [[UInt8]], epoch: UInt32
    ) throws -> CreatedSeed {
        try call { try $0.newSeed(fiduciary, order: order, documents: documents, epoch: epoch) }
    }

    func newOrderKey(
        _ fiduciary: RecipientKey, order: [UInt8], documents: [[UInt8]], epoch: UInt32
    ) throws -> CreatedOrderKey {
        try call { try $0.newOrderKey(fiduciary, order: order, documents: documents, epoch: epoch) }
    }

    func release(
        _ fiduciary: RecipientKey, sealed: [UInt8], order: [UInt8], redemption: [UInt8], approvals: [[UInt8]],
        documents: [[UInt8]], received: Int64
    ) throws -> [UInt8] {
        try call {
            try $0.release(
                fiduciary, sealed: sealed, order: order, redemption: redemption, approvals: approvals,
                documents: documents, received: received)
        }
    }

    func signForOrder(
        _ fiduciary: RecipientKey, sealed: [UInt8], order: [UInt8], redemption: [UInt8], approvals: [[UInt8]],
        documents: [[UInt8]], received: Int64
    ) throws -> [UInt8] {
        try call {
            try $0.signForOrder(
                fiduciary, sealed: sealed, order: order, redemption: redemption, approvals: approvals,
                documents: documents, received: received)
        }
    }

    func newEpoch(_ number: UInt32) throws { try call { try $0.newEpoch(number) } }

    func resealOrder(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        try call { try $0.resealOrder(sealed, order: order, owner: owner, epoch: epoch) }
    }

    func sealOrderState(_ state: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        try call { try $0.sealOrderState(state, order: order, owner: owner, epoch: epoch) }
    }

    func openOrderState(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner) throws -> [UInt8] {
        try call { try $0.openOrderState(sealed, order: order, owner: owner) }
    }

    func resealOrderState(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        try call { try $0.resealOrderState(sealed, order: order, owner: owner, epoch: epoch) }
    }

    func destroyEpoch(_ number: UInt32) throws { try call { try $0.destroyEpoch(number) } }

    func epochs() throws -> Set<UInt32> { try call { try $0.epochs() } }

    func createShare(owner: ObjectOwner, beneficiary: [UInt8], terms: [UInt8]?) throws -> CreatedShare {
        try call { try $0.createShare(owner: owner, beneficiary: beneficiary, terms: terms) }
    }

    func exportWallet(
        _ share: CreatedShare, commitment: SealedPart, release: SealedPart, documents: [[UInt8]]
    ) throws -> [UInt8] {
        try call {
            try $0.exportWallet(share, commitment: commitment, release: release, documents: documents)
        }
    }
}
