/// Signs context ‖ 00 ‖ hash with an identity's ML-DSA-65 key (empty `ctx`), in the contexts of its signing key, and
/// only while that one is on the token.
public struct SignPostQuantum: CustodyMessage {
    public static let operation = CustodyOperation.signPostQuantum
    public static let classes: [ObjectClass] = [.identitySigning, .seal]
    public typealias Answer = [UInt8]

    /// The identity's signing key.
    public var signing: ObjectID
    public var key: PostQuantumKey
    public var context: String
    /// 32 bytes.
    public var hash: [UInt8]

    public init(signing: ObjectID, key: PostQuantumKey, context: String, hash: [UInt8]) {
        self.signing = signing
        self.key = key
        self.context = context
        self.hash = hash
    }

    public init(from fields: inout CustodyReader) throws {
        signing = try fields.objectID()
        key = try fields.postQuantumKey(seedAtMost: SealedSize.postQuantumSeedLimit)
        context = try fields.string(atMost: FieldBound.name)
        hash = try fields.field(exactly: FieldBound.hash)
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(signing)
        fields.field(key)
        fields.field(context)
        fields.field(hash)
    }

    public func answer(from fields: inout CustodyReader) throws -> [UInt8] {
        try fields.field(exactly: PostQuantumKey.signatureSize)
    }
}
