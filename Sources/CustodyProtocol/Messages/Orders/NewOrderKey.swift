/// Makes the key of a `sign` order on the token, and seals its public half with the terms under which it may be used.
/// The id of the object follows from the owner and from part 1 (`OrderKeyID`); nothing may be on the token under it
/// yet.
public struct NewOrderKey: CustodyMessage {
    public static let operation = CustodyOperation.newOrderKey
    public static let classes: [ObjectClass] = [.identityKEM, .seal, .epoch, .order]
    public typealias Answer = CreatedOrderKey

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

    public func answer(from fields: inout CustodyReader) throws -> CreatedOrderKey {
        CreatedOrderKey(
            sealed: try fields.field(), type: try fields.keyType(),
            publicKey: try fields.field(atMost: FieldBound.publicKey))
    }

    public func encode(_ answer: CreatedOrderKey, to fields: inout CustodyWriter) {
        fields.field(answer.sealed)
        fields.field(answer.type)
        fields.field(answer.publicKey)
    }
}

/// What `NewOrderKey` makes.
public struct CreatedOrderKey: Sendable, Equatable {
    /// The order, a sealed blob.
    public var sealed: [UInt8]
    public var type: KeyType
    /// 32 bytes (Ed25519), or an uncompressed point.
    public var publicKey: [UInt8]

    public init(sealed: [UInt8], type: KeyType, publicKey: [UInt8]) {
        self.sealed = sealed
        self.type = type
        self.publicKey = publicKey
    }
}
