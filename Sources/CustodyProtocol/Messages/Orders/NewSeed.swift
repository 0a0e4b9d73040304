import DTAFormats

/// Makes the seed of an order of any kind but `sign`, sealed with the terms that the principal signed.
public struct NewSeed: CommitmentMessage {
    public static let operation = CustodyOperation.newSeed
    public static let classes: [ObjectClass] = [.identityKEM, .seal, .epoch]
    public typealias Answer = CreatedSeed

    public let request: CommitmentRequest

    public init(_ request: CommitmentRequest) { self.request = request }

    public func answer(from fields: inout CustodyReader) throws -> CreatedSeed {
        CreatedSeed(
            sealed: try fields.field(), publicKey: try fields.field(exactly: Secp256k1PublicKey.byteCount),
            proof: try fields.field(exactly: 64))
    }

    public func encode(_ answer: CreatedSeed, to fields: inout CustodyWriter) {
        fields.field(answer.sealed)
        fields.field(answer.publicKey)
        fields.field(answer.proof)
    }
}

/// What `NewSeed` makes.
public struct CreatedSeed: Sendable, Equatable {
    /// The seed and the order, a sealed blob.
    public var sealed: [UInt8]
    /// The commitment: a compressed point of secp256k1, 33 bytes.
    public var publicKey: [UInt8]
    /// The proof that dtad-hsm has the seed behind it: a BIP-340 signature, 64 bytes.
    public var proof: [UInt8]

    public init(sealed: [UInt8], publicKey: [UInt8], proof: [UInt8]) {
        self.sealed = sealed
        self.publicKey = publicKey
        self.proof = proof
    }
}
