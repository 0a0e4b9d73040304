import DTASystem

/// Asks whether a user's key was made on the token, or imported (CKA_LOCAL).
public struct AskOrigin: CustodyMessage {
    public static let operation = CustodyOperation.origin
    public static let classes: [ObjectClass] = [.user]
    public typealias Answer = KeyOrigin

    public var id: ObjectID

    public init(id: ObjectID) { self.id = id }

    public init(from fields: inout CustodyReader) throws { id = try fields.objectID() }

    public func encode(to fields: inout CustodyWriter) { fields.field(id) }

    public func answer(from fields: inout CustodyReader) throws -> KeyOrigin {
        let number = try fields.byte()
        guard let origin = KeyOrigin(rawValue: number) else {
            throw DTAError(.invalidArgument, "key origin \(number) is unknown")
        }
        return origin
    }

    public func encode(_ answer: KeyOrigin, to fields: inout CustodyWriter) { fields.field(answer.rawValue) }
}

/// Where a key comes from. The numbers are those on the wire and in the store.
public enum KeyOrigin: UInt8, Sendable, CaseIterable {
    /// It was made on the token, and was never elsewhere.
    case token = 0
    /// It existed before; there may be copies of it.
    case imported = 1
}
