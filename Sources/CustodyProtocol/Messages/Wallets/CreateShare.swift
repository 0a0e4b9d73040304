import DTAFormats

/// Makes a beneficiary's share of a wallet's key.
public struct CreateShare: CustodyMessage {
    public static let operation = CustodyOperation.createShare
    public static let classes: [ObjectClass] = [.seal]
    public typealias Answer = CreatedShare

    public var owner: ObjectOwner
    /// The identity that it belongs to.
    public var beneficiary: CID
    /// SHA-256 of the terms (DAG-CBOR) of the one order that it is for; nil: any order.
    public var terms: [UInt8]?

    public init(owner: ObjectOwner, beneficiary: CID, terms: [UInt8]?) {
        self.owner = owner
        self.beneficiary = beneficiary
        self.terms = terms
    }

    public init(from fields: inout CustodyReader) throws {
        owner = try fields.owner()
        beneficiary = try fields.cid()
        let hash = try fields.field(atMost: OrderTerms.hashSize)
        terms = hash.isEmpty ? nil : hash
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(owner)
        fields.field(beneficiary)
        fields.field(terms ?? [])
    }

    public func answer(from fields: inout CustodyReader) throws -> CreatedShare {
        CreatedShare(
            sealed: try fields.field(), publicKey: try fields.field(exactly: Secp256k1PublicKey.byteCount))
    }

    public func encode(_ answer: CreatedShare, to fields: inout CustodyWriter) {
        fields.field(answer.sealed)
        fields.field(answer.publicKey)
    }
}

/// What `CreateShare` makes.
public struct CreatedShare: Sendable, Equatable {
    /// The share, a sealed blob.
    public var sealed: [UInt8]
    /// A compressed point of secp256k1, 33 bytes.
    public var publicKey: [UInt8]

    public init(sealed: [UInt8], publicKey: [UInt8]) {
        self.sealed = sealed
        self.publicKey = publicKey
    }
}
