/// Makes the ML-DSA-65 key beside an identity's signing key. It adds no object to the token.
public struct CreatePostQuantumKey: CustodyMessage {
    public static let operation = CustodyOperation.createPostQuantumKey
    public static let classes: [ObjectClass] = [.identitySigning, .seal]
    public typealias Answer = PostQuantumKey

    /// The identity's signing key.
    public var signing: ObjectID

    public init(signing: ObjectID) { self.signing = signing }

    public init(from fields: inout CustodyReader) throws { signing = try fields.objectID() }

    public func encode(to fields: inout CustodyWriter) { fields.field(signing) }

    public func answer(from fields: inout CustodyReader) throws -> PostQuantumKey {
        try fields.postQuantumKey(seedAtMost: 1024)
    }

    public func encode(_ answer: PostQuantumKey, to fields: inout CustodyWriter) { fields.field(answer) }
}
