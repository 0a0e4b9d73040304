/// Reads the type and the public half of a user's key.
public struct ReadPublicKey: CustodyMessage {
    public static let operation = CustodyOperation.publicKey
    public static let classes: [ObjectClass] = [.user]
    public typealias Answer = UserPublicKey

    public var id: ObjectID

    public init(id: ObjectID) { self.id = id }

    public init(from fields: inout CustodyReader) throws { id = try fields.objectID() }

    public func encode(to fields: inout CustodyWriter) { fields.field(id) }

    public func answer(from fields: inout CustodyReader) throws -> UserPublicKey {
        UserPublicKey(type: try fields.keyType(), bytes: try fields.field(atMost: FieldBound.publicKey))
    }

    public func encode(_ answer: UserPublicKey, to fields: inout CustodyWriter) {
        fields.field(answer.type)
        fields.field(answer.bytes)
    }
}

/// The public half of a user's key.
public struct UserPublicKey: Sendable, Equatable {
    public var type: KeyType
    /// 32 bytes (Ed25519), uncompressed SEC 1 point (EC), RSAPublicKey in DER (RSA), empty for symmetric keys.
    public var bytes: [UInt8]

    public init(type: KeyType, bytes: [UInt8]) {
        self.type = type
        self.bytes = bytes
    }
}
