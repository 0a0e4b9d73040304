import DTAFormats

/// Makes the seed of an order of any kind but `sign`, sealed with the terms that the principal signed.
public struct NewSeed: CustodyMessage {
    public static let operation = CustodyOperation.newSeed
    public static let classes: [ObjectClass] = [.identityKEM, .seal, .epoch]
    public typealias Answer = CreatedSeed

    public var fiduciary: RecipientKey
    /// Part 1.
    public var order: SignedBlock
    /// The identities and revocations that are needed to judge it.
    public var documents: [SignedBlock]
    /// The epoch whose key seals it.
    public var epoch: UInt32

    public init(fiduciary: RecipientKey, order: SignedBlock, documents: [SignedBlock], epoch: UInt32) {
        self.fiduciary = fiduciary
        self.order = order
        self.documents = documents
        self.epoch = epoch
    }

    public init(from fields: inout CustodyReader) throws {
        fiduciary = try fields.recipientKey()
        order = try fields.block()
        documents = try fields.blocks(atMost: FieldBound.documents)
        epoch = try fields.uint32()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(fiduciary)
        fields.field(order)
        fields.field(documents)
        fields.field(epoch)
    }

    public func answer(from fields: inout CustodyReader) throws -> CreatedSeed {
        CreatedSeed(
            sealed: try fields.field(), publicKey: try fields.field(exactly: Secp256k1PublicKey.byteCount),
            proof: try fields.field(exactly: 64))
    }

    public func encode(_ answer: CreatedSeed, to fields: inout CustodyWriter) {
        fields.field(answer.sealed)
        fields.field(answer.publicKey)
        fields.field(answer.proof)
    }
}

/// What `NewSeed` makes.
public struct CreatedSeed: Sendable, Equatable {
    /// The seed and the order, a sealed blob.
    public var sealed: [UInt8]
    /// The commitment: a compressed point of secp256k1, 33 bytes.
    public var publicKey: [UInt8]
    /// The proof that dtad-hsm has the seed behind it: a BIP-340 signature, 64 bytes.
    public var proof: [UInt8]

    public init(sealed: [UInt8], publicKey: [UInt8], proof: [UInt8]) {
        self.sealed = sealed
        self.publicKey = publicKey
        self.proof = proof
    }
}
