/// Destroys an object, both halves of a pair. It is no error if there is none.
public struct DeleteObject: CustodyMessage {
    public static let operation = CustodyOperation.delete
    public static let classes: [ObjectClass] = [.user, .identitySigning, .identityKEM, .order]
    public typealias Answer = Void

    public var objectClass: ObjectClass
    public var id: ObjectID

    public init(objectClass: ObjectClass, id: ObjectID) {
        self.objectClass = objectClass
        self.id = id
    }

    public init(from fields: inout CustodyReader) throws {
        objectClass = try fields.objectClass()
        id = try fields.objectID()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(objectClass)
        fields.field(id)
    }
}
