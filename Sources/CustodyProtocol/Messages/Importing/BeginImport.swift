import DTAFormats

/// Makes a wrapping key for one key that is to be imported, and has the token's key for imports sign it.
public struct BeginImport: CustodyMessage {
    public static let operation = CustodyOperation.beginImport
    public static let classes: [ObjectClass] = [.importing]
    public typealias Answer = ImportOffer

    public var type: KeyType
    public var owner: ObjectOwner
    public var id: ObjectID
    /// 32 bytes that the client chose.
    public var nonce: [UInt8]

    public init(type: KeyType, owner: ObjectOwner, id: ObjectID, nonce: [UInt8]) {
        self.type = type
        self.owner = owner
        self.id = id
        self.nonce = nonce
    }

    public init(from fields: inout CustodyReader) throws {
        type = try fields.keyType()
        owner = try fields.owner()
        id = try fields.objectID()
        nonce = try fields.field(exactly: KeyWrapping.nonceSize)
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(type)
        fields.field(owner)
        fields.field(id)
        fields.field(nonce)
    }

    public func answer(from fields: inout CustodyReader) throws -> ImportOffer {
        ImportOffer(
            wrappingKey: try fields.field(exactly: KeyWrapping.keySize),
            signature: try fields.field(exactly: KeyWrapping.signatureSize))
    }

    public func encode(_ answer: ImportOffer, to fields: inout CustodyWriter) {
        fields.field(answer.wrappingKey)
        fields.field(answer.signature)
    }
}

/// A wrapping key for one key, and the signature of the token's key for imports.
public struct ImportOffer: Sendable, Equatable {
    /// X-Wing, 1216 bytes.
    public var wrappingKey: [UInt8]
    /// 64 bytes.
    public var signature: [UInt8]

    public init(wrappingKey: [UInt8], signature: [UInt8]) {
        self.wrappingKey = wrappingKey
        self.signature = signature
    }
}
