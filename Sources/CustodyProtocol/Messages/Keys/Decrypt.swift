import DTABytes

/// Opens what `Encrypt` made, or, with an RSA key, what was encrypted to its public half by RSAES-OAEP with SHA-256 and
/// MGF1 with SHA-256 (RFC 8017 §7.1): then the associated data is OAEP's label. `dataLoss` if it does not fit.
public struct Decrypt: CustodyMessage {
    public static let operation = CustodyOperation.decrypt
    public static let classes: [ObjectClass] = [.user]
    public typealias Answer = SecretReference

    public var id: ObjectID
    public var ciphertext: [UInt8]
    public var associatedData: [UInt8]

    public init(id: ObjectID, ciphertext: [UInt8], associatedData: [UInt8]) {
        self.id = id
        self.ciphertext = ciphertext
        self.associatedData = associatedData
    }

    public init(from fields: inout CustodyReader) throws {
        id = try fields.objectID()
        ciphertext = try fields.field()
        associatedData = try fields.field()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(id)
        fields.field(ciphertext)
        fields.field(associatedData)
    }

    public func answer(from fields: inout CustodyReader) throws -> SecretReference { try fields.secret() }
}
