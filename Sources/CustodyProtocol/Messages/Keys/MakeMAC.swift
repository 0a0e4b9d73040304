/// Makes an HMAC-SHA256 with a user's key (RFC 2104).
public struct MakeMAC: CustodyMessage {
    public static let operation = CustodyOperation.mac
    public static let classes: [ObjectClass] = [.user]
    public typealias Answer = [UInt8]

    public var id: ObjectID
    /// Up to 256 KiB.
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

    public func answer(from fields: inout CustodyReader) throws -> [UInt8] { try fields.field(exactly: 32) }
}
