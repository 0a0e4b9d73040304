import DTAFormats

/// The keys by which dtad-hsm opens envelopes to an identity, as the front keeps them.
public struct RecipientKey: Sendable, Equatable {
    /// The X25519 object on the token.
    public var kem: ObjectID
    public var owner: ObjectOwner
    /// The X-Wing public key: 1216 bytes.
    public var publicKEM: [UInt8]
    /// As `CreateIdentity` gave it.
    public var sealedSeed: [UInt8]
    /// The identity's CID, to which envelopes are sealed.
    public var cid: CID

    public init(kem: ObjectID, owner: ObjectOwner, publicKEM: [UInt8], sealedSeed: [UInt8], cid: CID) {
        self.kem = kem
        self.owner = owner
        self.publicKEM = publicKEM
        self.sealedSeed = sealedSeed
        self.cid = cid
    }
}

extension CustodyWriter {
    /// Five fields.
    mutating func field(_ key: RecipientKey) {
        field(key.kem)
        field(key.owner)
        field(key.publicKEM)
        field(key.sealedSeed)
        field(key.cid)
    }
}

extension CustodyReader {
    mutating func recipientKey() throws -> RecipientKey {
        RecipientKey(
            kem: try objectID(), owner: try owner(), publicKEM: try field(exactly: Identity.kemSize),
            sealedSeed: try field(exactly: SealedSize.kemSeed), cid: try cid())
    }
}
