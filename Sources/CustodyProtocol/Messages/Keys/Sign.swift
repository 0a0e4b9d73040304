/// Signs with a user's key.
public struct Sign: CustodyMessage {
    public static let operation = CustodyOperation.sign
    public static let classes: [ObjectClass] = [.user]
    public typealias Answer = [UInt8]

    public var id: ObjectID
    /// The message for Ed25519, of up to 256 KiB; for ECDSA a digest of exactly the right length.
    public var input: [UInt8]

    public init(id: ObjectID, input: [UInt8]) {
        self.id = id
        self.input = input
    }

    public init(from fields: inout CustodyReader) throws {
        id = try fields.objectID()
        input = try fields.field()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(id)
        fields.field(input)
    }

    /// 64 bytes for Ed25519 (RFC 8032), else r ‖ s.
    public func answer(from fields: inout CustodyReader) throws -> [UInt8] {
        try fields.field(atMost: FieldBound.signature)
    }
}
