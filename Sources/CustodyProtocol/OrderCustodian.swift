import DTASystem

/// What dtad-hsm does for orders. It opens the parts itself, verifies them itself, and says itself what is released and to
/// whom; the front only brings what it needs for that. Blocks are signed envelopes; CIDs are their 36 bytes.
///
/// Every method throws `DTAError`: `permissionDenied` for a part that may not do what it asks, `failedPrecondition` where
/// it could at another time or with more approvals, `dataLoss` for what is damaged or forged, `invalidArgument` for what
/// is not of the right form.
public protocol OrderCustodian: AnyObject, Sendable {
    /// Makes the seed of an order of any kind but `sign`, sealed with the terms that the principal signed.
    /// - Parameters: `order`: part 1; `documents`: the blocks of the identities and revocations that it takes to judge it;
    ///   `epoch`: whose key seals the seed.
    func newSeed(
        _ fiduciary: RecipientKey, order: [UInt8], documents: [[UInt8]], epoch: UInt32
    ) throws -> CreatedSeed

    /// Makes the key of a `sign` order on the token, and seals its public half with the terms under which it may be used.
    /// The object's id follows from the owner and from part 1 (`OrderKeyID`); under it nothing may be on the token yet.
    func newOrderKey(
        _ fiduciary: RecipientKey, order: [UInt8], documents: [[UInt8]], epoch: UInt32
    ) throws -> CreatedOrderKey

    /// Releases a seed, where the redemption, the approvals and the terms allow it now.
    /// - Parameters: `sealed`: what `newSeed` gave; `order`: the CID of part 1; `redemption`: part 3; `approvals`: signed
    ///   approvals; `received`: Unix seconds, when the redemption came.
    /// - Returns: the envelope of part 4 (DAG-CBOR), sealed to the order's recipient and to nobody else, to be signed by
    ///   `fiduciary`.
    func release(
        _ fiduciary: RecipientKey, sealed: [UInt8], order: [UInt8], redemption: [UInt8], approvals: [[UInt8]],
        documents: [[UInt8]], received: Int64
    ) throws -> [UInt8]

    /// Signs what a redemption asks for with the order's key, where everything allows it now.
    /// - Parameters, returns: as of `release`; `sealed`: what `newOrderKey` gave.
    func signForOrder(
        _ fiduciary: RecipientKey, sealed: [UInt8], order: [UInt8], redemption: [UInt8], approvals: [[UInt8]],
        documents: [[UInt8]], received: Int64
    ) throws -> [UInt8]

    /// Makes an epoch's key, where the token has none yet.
    func newEpoch(_ number: UInt32) throws

    /// Seals an order's secret again under another epoch's key. What it is sealed for stays the same.
    func resealOrder(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8]

    /// Seals under an epoch's key what a plugin keeps of an order by itself, so that it can be destroyed with that key. It is
    /// no seed: the front made it, and gets it back.
    /// - Parameters: `state`: up to 64 KiB; `order`: the CID of part 1.
    func sealOrderState(_ state: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8]

    /// What `sealOrderState` sealed for the same order and owner.
    func openOrderState(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner) throws -> [UInt8]

    /// As `resealOrder`, of what `sealOrderState` gave.
    func resealOrderState(_ sealed: [UInt8], order: [UInt8], owner: ObjectOwner, epoch: UInt32) throws -> [UInt8]

    /// The epochs whose keys are on the token.
    func epochs() throws -> Set<UInt32>

    /// Destroys an epoch's key; no error where there is none. What it sealed is lost.
    func destroyEpoch(_ number: UInt32) throws

    /// Makes a beneficiary's share of a wallet's key.
    /// - Parameters: `beneficiary`: the CID of the identity that it belongs to; `terms`: SHA-256 of the terms (DAG-CBOR) of
    ///   the one order that it is for; nil: whichever takes it.
    func createShare(owner: ObjectOwner, beneficiary: [UInt8], terms: [UInt8]?) throws -> CreatedShare

    /// The private key of a wallet, which is the sum of the share that the fiduciary released and the beneficiary's own:
    /// 32 bytes. It is the one secret that this wall gives to the front.
    /// - Parameters: `share`: what `createShare` gave; `commitment`: part 2; `release`: part 4. Between the two, the
    ///   beneficiary may have been replaced: each has the identity to which it was sealed.
    func exportWallet(
        _ share: CreatedShare, commitment: SealedPart, release: SealedPart, documents: [[UInt8]]
    ) throws -> [UInt8]
}

/// An identity's means to open what is sealed to it, as the front keeps them.
public struct RecipientKey: Sendable, Equatable {
    /// The X25519 object on the token.
    public var kem: ObjectID
    public var owner: ObjectOwner
    /// The X-Wing public key: 1216 bytes.
    public var publicKEM: [UInt8]
    /// As `createIdentity` gave it.
    public var sealedSeed: [UInt8]
    /// The identity's CID, to which envelopes are sealed.
    public var cid: [UInt8]

    public init(kem: ObjectID, owner: ObjectOwner, publicKEM: [UInt8], sealedSeed: [UInt8], cid: [UInt8]) {
        self.kem = kem
        self.owner = owner
        self.publicKEM = publicKEM
        self.sealedSeed = sealedSeed
        self.cid = cid
    }
}

/// A part of an order, and the means to open it.
public struct SealedPart: Sendable, Equatable {
    /// To whom it was sealed.
    public var recipient: RecipientKey
    /// The signed envelope.
    public var block: [UInt8]

    public init(recipient: RecipientKey, block: [UInt8]) {
        self.recipient = recipient
        self.block = block
    }
}

/// What `newSeed` makes.
public struct CreatedSeed: Sendable, Equatable {
    /// The seed and the order, a sealed blob.
    public var sealed: [UInt8]
    /// The commitment: a compressed point of secp256k1, 33 bytes.
    public var publicKey: [UInt8]
    /// That somebody has what is behind it: a BIP-340 signature, 64 bytes.
    public var proof: [UInt8]

    public init(sealed: [UInt8], publicKey: [UInt8], proof: [UInt8]) {
        self.sealed = sealed
        self.publicKey = publicKey
        self.proof = proof
    }
}

/// What `newOrderKey` makes.
public struct CreatedOrderKey: Sendable, Equatable {
    /// The order, a sealed blob.
    public var sealed: [UInt8]
    public var type: KeyType
    /// 32 bytes (Ed25519), or an uncompressed point.
    public var publicKey: [UInt8]

    public init(sealed: [UInt8], type: KeyType, publicKey: [UInt8]) {
        self.sealed = sealed
        self.type = type
        self.publicKey = publicKey
    }
}

/// What `createShare` makes.
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
