/// Makes a user's key on the token: sensitive, non-extractable, read back.
public struct GenerateKey: CustodyMessage {
    public static let operation = CustodyOperation.generate
    public static let classes: [ObjectClass] = [.user]
    public typealias Answer = [UInt8]

    public var type: KeyType
    public var owner: ObjectOwner
    public var id: ObjectID

    public init(type: KeyType, owner: ObjectOwner, id: ObjectID) {
        self.type = type
        self.owner = owner
        self.id = id
    }

    public init(from fields: inout CustodyReader) throws {
        type = try fields.keyType()
        owner = try fields.owner()
        id = try fields.objectID()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(type)
        fields.field(owner)
        fields.field(id)
    }

    /// The search for RSA's primes takes seconds on a processor, and up to a minute on smart cards and small HSMs.
    public var extraMilliseconds: Int { type.isRSA ? 120_000 : 0 }

    /// The public key: 32 bytes (Ed25519), uncompressed SEC 1 point (EC), RSAPublicKey in DER (RSA), empty for symmetric
    /// keys.
    public func answer(from fields: inout CustodyReader) throws -> [UInt8] {
        try fields.field(atMost: FieldBound.publicKey)
    }
}
