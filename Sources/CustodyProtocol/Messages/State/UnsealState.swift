import DTABytes

/// Opens what `SealState` gave.
public struct UnsealState: CustodyMessage {
    public static let operation = CustodyOperation.unsealState
    public static let classes: [ObjectClass] = [.state]
    public typealias Answer = SecretReference

    public var sealed: [UInt8]
    public var purpose: String
    /// The name to which the row is bound.
    public var id: [UInt8]

    public init(sealed: [UInt8], purpose: String, id: [UInt8]) {
        self.sealed = sealed
        self.purpose = purpose
        self.id = id
    }

    public init(from fields: inout CustodyReader) throws {
        sealed = try fields.field(atMost: FieldBound.row + SealedSize.overhead)
        purpose = try fields.string(atMost: FieldBound.name)
        id = try fields.field(atMost: FieldBound.name)
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(sealed)
        fields.field(purpose)
        fields.field(id)
    }

    public func answer(from fields: inout CustodyReader) throws -> SecretReference { try fields.secret() }
}
