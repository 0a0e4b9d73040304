import DTABytes

/// Encrypts with a user's key: AES-256-GCM.
public struct Encrypt: CustodyMessage {
    public static let operation = CustodyOperation.encrypt
    public static let classes: [ObjectClass] = [.user]
    public typealias Answer = [UInt8]

    public var id: ObjectID
    /// Up to 256 KiB.
    public var plaintext: SecretReference
    /// Up to 256 KiB.
    public var associatedData: [UInt8]

    public init(id: ObjectID, plaintext: SecretReference, associatedData: [UInt8]) {
        self.id = id
        self.plaintext = plaintext
        self.associatedData = associatedData
    }

    public init(from fields: inout CustodyReader) throws {
        id = try fields.objectID()
        plaintext = try fields.secret()
        associatedData = try fields.field()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(id)
        fields.field(plaintext)
        fields.field(associatedData)
    }

    /// nonce (12, made by the token) ‖ ciphertext ‖ tag (16).
    public func answer(from fields: inout CustodyReader) throws -> [UInt8] { try fields.field() }
}
