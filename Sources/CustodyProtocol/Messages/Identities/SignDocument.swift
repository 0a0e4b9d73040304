/// Signs context ‖ 00 ‖ hash with an identity's key. dtad-hsm knows the contexts that it may sign, and prepends them
/// itself.
public struct SignDocument: CustodyMessage {
    public static let operation = CustodyOperation.signDocument
    public static let classes: [ObjectClass] = [.identitySigning]
    public typealias Answer = [UInt8]

    public var id: ObjectID
    public var context: String
    /// 32 bytes.
    public var hash: [UInt8]

    public init(id: ObjectID, context: String, hash: [UInt8]) {
        self.id = id
        self.context = context
        self.hash = hash
    }

    public init(from fields: inout CustodyReader) throws {
        id = try fields.objectID()
        context = try fields.string(atMost: FieldBound.name)
        hash = try fields.field(exactly: FieldBound.hash)
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(id)
        fields.field(context)
        fields.field(hash)
    }

    public func answer(from fields: inout CustodyReader) throws -> [UInt8] { try fields.field(exactly: 64) }
}
