import DTAFormats

/// Signs a digest with a user's RSA key.
public struct SignRSA: CustodyMessage {
    public static let operation = CustodyOperation.signRSA
    public static let classes: [ObjectClass] = [.user]
    public typealias Answer = [UInt8]

    public var id: ObjectID
    public var scheme: RSAScheme
    /// Of exactly the length that the scheme's hash has.
    public var digest: [UInt8]

    public init(id: ObjectID, scheme: RSAScheme, digest: [UInt8]) {
        self.id = id
        self.scheme = scheme
        self.digest = digest
    }

    public init(from fields: inout CustodyReader) throws {
        id = try fields.objectID()
        scheme = try fields.rsaScheme()
        digest = try fields.field(exactly: scheme.digestLength)
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(id)
        fields.field(scheme.rawValue)
        fields.field(digest)
    }

    /// As long as the key's modulus.
    public func answer(from fields: inout CustodyReader) throws -> [UInt8] {
        try fields.field(atMost: FieldBound.signature)
    }
}
