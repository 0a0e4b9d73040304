import DTAFormats
import DTASystem

/// The messages as methods.
extension Custodian {
    public func describe() throws -> TokenDescription { try ask(DescribeToken()) }
    public func examine(_ need: TokenNeed) throws -> String { try ask(Examine(need: need)) }
    public func settle(on processor: Int32) throws { try ask(Settle(processor: processor)) }
    public func random(count: Int) throws -> [UInt8] { try ask(DrawRandom(count: count)) }
    public func list(_ objectClass: ObjectClass) throws -> [TokenObject] {
        try ask(ListObjects(objectClass: objectClass))
    }
    public func generate(_ type: KeyType, owner: ObjectOwner, id: ObjectID) throws -> [UInt8] {
        try ask(GenerateKey(type: type, owner: owner, id: id))
    }
    public func publicKey(_ id: ObjectID) throws -> (KeyType, [UInt8]) {
        let key = try ask(ReadPublicKey(id: id))
        return (key.type, key.bytes)
    }
    public func delete(_ objectClass: ObjectClass, id: ObjectID) throws {
        try ask(DeleteObject(objectClass: objectClass, id: id))
    }
    public func forget(_ id: ObjectID) throws { try ask(ForgetObject(id: id)) }
    public func sign(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] { try ask(Sign(id: id, input: input)) }
    public func mac(_ id: ObjectID, input: [UInt8]) throws -> [UInt8] { try ask(MakeMAC(id: id, input: input)) }
    public func encrypt(_ id: ObjectID, plaintext: [UInt8], aad: [UInt8]) throws -> [UInt8] {
        try ask(Encrypt(id: id, plaintext: plaintext, associatedData: aad))
    }
    public func decrypt(_ id: ObjectID, ciphertext: [UInt8], aad: [UInt8]) throws -> [UInt8] {
        try ask(Decrypt(id: id, ciphertext: ciphertext, associatedData: aad))
    }
    public func createIdentity(owner: ObjectOwner, signing: ObjectID, kem: ObjectID) throws -> CreatedIdentityKeys {
        try ask(CreateIdentity(owner: owner, signing: signing, kem: kem))
    }
    public func signDocument(_ id: ObjectID, context: String, hash: [UInt8]) throws -> [UInt8] {
        try ask(SignDocument(id: id, context: context, hash: hash))
    }
    public func createPostQuantumKey(_ signing: ObjectID) throws -> PostQuantumKey {
        try ask(CreatePostQuantumKey(signing: signing))
    }
    public func signPostQuantum(
        _ signing: ObjectID, key: PostQuantumKey, context: String, hash: [UInt8]
    ) throws -> [UInt8] {
        try ask(SignPostQuantum(signing: signing, key: key, context: context, hash: hash))
    }
    public func openKey(
        kem: ObjectID, owner: ObjectOwner, publicKEM: [UInt8], sealedSeed: [UInt8], coreHash: [UInt8],
        recipient: [UInt8], enc: [UInt8], key: [UInt8]
    ) throws -> [UInt8] {
        let recipient = RecipientKey(
            kem: kem, owner: owner, publicKEM: publicKEM, sealedSeed: sealedSeed, cid: try CID(bytes: recipient))
        return try ask(
            OpenKey(recipient: recipient, coreHash: coreHash, wrap: Envelope.Wrap(enc: enc, key: key)))
    }
    public func sealState(_ plaintext: [UInt8], purpose: String, id: [UInt8]) throws -> [UInt8] {
        try ask(SealState(plaintext: plaintext, purpose: purpose, id: id))
    }
    public func unsealState(_ blob: [UInt8], purpose: String, id: [UInt8]) throws -> [UInt8] {
        try ask(UnsealState(sealed: blob, purpose: purpose, id: id))
    }
    public func newSeed(
        _ fiduciary: RecipientKey, order: [UInt8], documents: [[UInt8]], epoch: UInt32
    ) throws -> CreatedSeed {
        try ask(
            NewSeed(
                fiduciary: fiduciary, order: SignedBlock(order), documents: documents.map(SignedBlock.init),
                epoch: epoch))
    }
    public func newOrderKey(
        _ fiduciary: RecipientKey, order: [UInt8], documents: [[UInt8]], epoch: UInt32
    ) throws -> CreatedOrderKey {
        try ask(
            NewOrderKey(
                fiduciary: fiduciary, order: SignedBlock(order), documents: documents.map(SignedBlock.init),
                epoch: epoch))
    }
    public func release(
        _ fiduciary: RecipientKey, sealed: [UInt8], order: [UInt8], redemption: [UInt8], approvals: [[UInt8]],
        documents: [[UInt8]], received: Int64
    ) throws -> [UInt8] {
        try ask(
            Release(
                RedemptionRequest(
                    fiduciary: fiduciary, sealed: sealed, order: CID(bytes: order),
                    redemption: SignedBlock(redemption), approvals: approvals.map(SignedBlock.init),
                    documents: documents.map(SignedBlock.init), received: received)))
    }
    public func signForOrder(
        _ fiduciary: RecipientKey, sealed: [UInt8], order: [UInt8], redemption: [UInt8], approvals: [[UInt8]],
        documents: [[UInt8]], received: Int64
    ) throws -> [UInt8] {
        try ask(
            SignForOrder(
                RedemptionRequest(
                    fiduciary: fiduciary, sealed: sealed, order: CID(bytes: order),
                    redemption: SignedBlock(redemption), approvals: approvals.map(SignedBlock.init),
                    documents: documents.map(SignedBlock.init), received: received)))
    }
    public func newEpoch(_ number: UInt32) throws { try ask(NewEpoch(number: number)) }
    public func resealOrder(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8] {
        try ask(ResealOrder(sealed: sealed, order: CID(bytes: order), owner: owner, epoch: epoch))
    }
    public func sealOrderState(
        _ state: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32
    ) throws -> [UInt8] {
        try ask(SealOrderState(state: state, order: CID(bytes: order), owner: owner, epoch: epoch))
    }
    public func openOrderState(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner) throws -> [UInt8] {
        try ask(OpenOrderState(sealed: sealed, order: CID(bytes: order), owner: owner))
    }
    public func resealOrderState(
        _ sealed: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32
    ) throws -> [UInt8] {
        try ask(ResealOrderState(sealed: sealed, order: CID(bytes: order), owner: owner, epoch: epoch))
    }
    public func epochs() throws -> Set<UInt32> { try ask(ListEpochs()) }
    public func destroyEpoch(_ number: UInt32) throws { try ask(DestroyEpoch(number: number)) }
    public func createShare(owner: ObjectOwner, beneficiary: [UInt8], terms: [UInt8]?) throws -> CreatedShare {
        try ask(CreateShare(owner: owner, beneficiary: CID(bytes: beneficiary), terms: terms))
    }
    public func exportWallet(
        _ share: CreatedShare, commitment: SealedPart, release: SealedPart, documents: [[UInt8]]
    ) throws -> [UInt8] {
        try ask(
            ExportWallet(
                share: share, commitment: commitment, release: release,
                documents: documents.map(SignedBlock.init)))
    }
}
