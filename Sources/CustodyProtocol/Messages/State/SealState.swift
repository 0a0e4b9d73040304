import DTABytes

/// Seals a row that the front must read again. `purpose` and `id` must be the same when it is unsealed.
public struct SealState: CustodyMessage {
    public static let operation = CustodyOperation.sealState
    public static let classes: [ObjectClass] = [.state]
    public typealias Answer = [UInt8]

    /// Up to 1 MiB.
    public var plaintext: SecretReference
    public var purpose: String
    /// The name to which the row is bound.
    public var id: [UInt8]

    public init(plaintext: SecretReference, purpose: String, id: [UInt8]) {
        self.plaintext = plaintext
        self.purpose = purpose
        self.id = id
    }

    public init(from fields: inout CustodyReader) throws {
        plaintext = try fields.secret(atMost: FieldBound.row)
        purpose = try fields.string(atMost: FieldBound.name)
        id = try fields.field(atMost: FieldBound.name)
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(plaintext)
        fields.field(purpose)
        fields.field(id)
    }

    public func answer(from fields: inout CustodyReader) throws -> [UInt8] { try fields.field() }
}
