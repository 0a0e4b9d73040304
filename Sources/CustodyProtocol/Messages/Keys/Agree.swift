import DTABytes

/// Computes the shared secret of a user's ECDH key and another's public key (NIST SP 800-56A rev. 3, 5.7.1.2): the x
/// coordinate of the product, 32 or 48 bytes. `invalidArgument` if the other key is no point of the curve.
public struct Agree: CustodyMessage {
    public static let operation = CustodyOperation.agree
    public static let classes: [ObjectClass] = [.user]
    public typealias Answer = SecretReference

    public var id: ObjectID
    /// Uncompressed: 04 ‖ x ‖ y, of 65 or 97 bytes.
    public var peer: [UInt8]

    public init(id: ObjectID, peer: [UInt8]) {
        self.id = id
        self.peer = peer
    }

    public init(from fields: inout CustodyReader) throws {
        id = try fields.objectID()
        peer = try fields.field(atMost: FieldBound.point)
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(id)
        fields.field(peer)
    }

    public func answer(from fields: inout CustodyReader) throws -> SecretReference { try fields.secret() }
}
