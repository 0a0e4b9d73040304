import DTASystem

/// Lists all objects of a class other than those of AES keys that seal.
public struct ListObjects: CustodyMessage {
    public static let operation = CustodyOperation.list
    public static let classes: [ObjectClass] = [.user, .identitySigning, .identityKEM, .order]
    public typealias Answer = [TokenObject]

    public var objectClass: ObjectClass

    public init(objectClass: ObjectClass) {
        self.objectClass = objectClass
    }

    public init(from fields: inout CustodyReader) throws {
        objectClass = try fields.objectClass()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(objectClass)
    }

    public func answer(from fields: inout CustodyReader) throws -> [TokenObject] {
        let bytes = try fields.field()
        return try stride(from: 0, to: bytes.count, by: TokenObject.wireSize).map {
            try TokenObject(wire: bytes[$0..<min($0 + TokenObject.wireSize, bytes.count)])
        }
    }

    /// - Throws: `DTAError.resourceExhausted` if they do not fit into one message.
    public func encode(_ answer: [TokenObject], to fields: inout CustodyWriter) throws {
        guard answer.count * TokenObject.wireSize <= CustodyFrame.limit - 64 else {
            throw DTAError(.resourceExhausted, "the token holds \(answer.count) objects, too many to list at once")
        }
        fields.field(answer.flatMap(\.wire))
    }
}
