import DTAFormats

/// Makes an identity's signing key and KEM on the token.
public struct CreateIdentity: CustodyMessage {
    public static let operation = CustodyOperation.createIdentity
    public static let classes: [ObjectClass] = [.identitySigning, .identityKEM, .seal]
    public typealias Answer = CreatedIdentityKeys

    public var owner: ObjectOwner
    public var signing: ObjectID
    public var kem: ObjectID

    public init(owner: ObjectOwner, signing: ObjectID, kem: ObjectID) {
        self.owner = owner
        self.signing = signing
        self.kem = kem
    }

    public init(from fields: inout CustodyReader) throws {
        owner = try fields.owner()
        signing = try fields.objectID()
        kem = try fields.objectID()
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(owner)
        fields.field(signing)
        fields.field(kem)
    }

    public func answer(from fields: inout CustodyReader) throws -> CreatedIdentityKeys {
        CreatedIdentityKeys(
            signingType: try fields.keyType(), signing: try fields.field(atMost: FieldBound.publicKey),
            kem: try fields.field(exactly: Identity.kemSize), sealedSeed: try fields.field(atMost: 1024))
    }

    public func encode(_ answer: CreatedIdentityKeys, to fields: inout CustodyWriter) {
        fields.field(answer.signingType)
        fields.field(answer.signing)
        fields.field(answer.kem)
        fields.field(answer.sealedSeed)
    }
}

/// The result of `CreateIdentity`. The private halves stay on the token; the ML-KEM seed leaves dtad-hsm sealed.
public struct CreatedIdentityKeys: Sendable, Equatable {
    /// `.ed25519`, or `.p256` if the token lacks EdDSA.
    public var signingType: KeyType
    /// 32 bytes (Ed25519), or 65 bytes uncompressed (P-256).
    public var signing: [UInt8]
    /// ML-KEM-768 encapsulation key (1184 bytes) ‖ X25519 public key (32 bytes).
    public var kem: [UInt8]
    /// The ML-KEM seed, a sealed blob.
    public var sealedSeed: [UInt8]

    public init(signingType: KeyType, signing: [UInt8], kem: [UInt8], sealedSeed: [UInt8]) {
        self.signingType = signingType
        self.signing = signing
        self.kem = kem
        self.sealedSeed = sealedSeed
    }
}
