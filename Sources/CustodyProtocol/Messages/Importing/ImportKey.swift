import DTAFormats

/// Puts a key on the token that was wrapped to the key of a `BeginImport` with the same type, owner and id. A process
/// offers each wrapping key once.
public struct ImportKey: CustodyMessage {
    public static let operation = CustodyOperation.importKey
    public static let classes: [ObjectClass] = [.user]
    public typealias Answer = [UInt8]

    public var type: KeyType
    public var owner: ObjectOwner
    public var id: ObjectID
    /// HPKE's enc (1120) ‖ ciphertext.
    public var wrapped: [UInt8]

    public init(type: KeyType, owner: ObjectOwner, id: ObjectID, wrapped: [UInt8]) {
        self.type = type
        self.owner = owner
        self.id = id
        self.wrapped = wrapped
    }

    public init(from fields: inout CustodyReader) throws {
        type = try fields.keyType()
        owner = try fields.owner()
        id = try fields.objectID()
        wrapped = try fields.field(atMost: KeyWrapping.wrappedLimit)
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(type)
        fields.field(owner)
        fields.field(id)
        fields.field(wrapped)
    }

    /// The public key, as of `GenerateKey`.
    public func answer(from fields: inout CustodyReader) throws -> [UInt8] {
        try fields.field(atMost: FieldBound.publicKey)
    }
}
