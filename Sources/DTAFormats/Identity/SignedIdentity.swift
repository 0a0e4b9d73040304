/// An identity and the signatures that give it force. There is no value of this type that is not verified.
public struct SignedIdentity: Hashable, Sendable {
    /// The largest block: twice what the largest fields need.
    public static let maximumSize = 16 << 10

    public let identity: Identity
    /// The one encoding, of which `cid` is the name.
    public let block: [UInt8]
    /// The identity's name everywhere.
    public let cid: CID

    /// Reads a block and verifies all that it says: form, fields, keys, signatures.
    /// - Throws: `FormatError`; what this version cannot check to the end it refuses as `unsupported`.
    public init(block: [UInt8]) throws {
        guard block.count <= SignedIdentity.maximumSize else {
            throw FormatError(
                .malformed, "an identity has \(SignedIdentity.maximumSize) bytes at most, not \(block.count)")
        }
        var reader = try DocumentReader(DAGCBOR.decode(block), "a signed identity")
        let identity = try Identity(reader.value("identity"))
        let signatures = try DocumentSignature.read(reader.list("signatures"), of: "an identity")
        try reader.finish()
        try DocumentSignature.verify(
            signatures, by: identity.signing, pq: identity.pq, context: SignedBytes.identity, hash: identity.hash)
        self.identity = identity
        self.block = block
        cid = CID(hashing: block, codec: .dagCBOR)
    }

    /// The same for a block that was asked for by its name.
    /// - Throws: `FormatError.mismatch` where the bytes are not those that `cid` names.
    public init(block: [UInt8], named cid: CID) throws {
        guard cid.names(block) else { throw FormatError(.mismatch, "the block is not the one that the CID names") }
        try self.init(block: block)
    }

    /// Makes the document from an identity and the signature that `sign` gives.
    /// - Parameter sign: signs context ‖ 00 ‖ hash with the identity's key: 64 bytes; for P-256 raw r ‖ s, with either s.
    /// - Throws: what `sign` throws, and `FormatError` where its signature does not verify.
    public init(
        signing identity: Identity, with sign: (_ context: String, _ hash: [UInt8]) throws -> [UInt8]
    ) throws {
        guard identity.pq == nil else {
            throw FormatError(.unsupported, "identities with a post-quantum signing key are not made by this version")
        }
        let signature = try identity.signing.normalised(sign(SignedBytes.identity, identity.hash))
        let signatures = [DocumentSignature(role: .own, signature: signature)]
        try self.init(block: SignedIdentity.encode(identity, signatures))
    }

    static func encode(_ identity: Identity, _ signatures: [DocumentSignature]) throws -> [UInt8] {
        try DAGCBOR.encode(.map(["identity": identity.value, "signatures": .list(signatures.map(\.value))]))
    }
}
