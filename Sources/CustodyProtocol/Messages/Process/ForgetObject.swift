/// Drops what this process remembers of an object that another process deleted.
public struct ForgetObject: CustodyMessage {
    public static let operation = CustodyOperation.forget
    public static let classes: [ObjectClass] = []
    public typealias Answer = Void

    public var id: ObjectID

    public init(id: ObjectID) {
        self.id = id
    }

    public init(from fields: inout CustodyReader) throws {
        id = try fields.objectID()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(id)
    }
}
