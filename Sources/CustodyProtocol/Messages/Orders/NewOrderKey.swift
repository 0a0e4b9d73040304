/// Makes the key of a `sign` order on the token, and seals its public half with the terms under which it may be used. The
/// id of the object follows from the owner and from part 1 (`OrderKeyID`); nothing may be on the token under it yet.
public struct NewOrderKey: CommitmentMessage {
    public static let operation = CustodyOperation.newOrderKey
    public static let classes: [ObjectClass] = [.identityKEM, .seal, .epoch, .order]
    public typealias Answer = CreatedOrderKey

    public let request: CommitmentRequest

    public init(_ request: CommitmentRequest) { self.request = request }

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
