import Crypto

/// The end of an identity: once it is known, new signatures of the identity do not count. It is a type of its own, and
/// never a sender or a recipient.
public struct SignedRevocation: Hashable, Sendable {
    public static let type = "dta/revocation/1"
    /// The largest block: twice what the largest signatures need.
    public static let maximumSize = 8 << 10

    /// The identity that is revoked.
    public let revokes: CID
    /// Unix seconds, for people: no decision depends on it.
    public let at: Int64
    /// The key by which it claims to be signed. ``verify(of:)`` says whether it is.
    public let authority: Authority
    /// The one encoding, of which `cid` is the name.
    public let block: [UInt8]
    public let cid: CID
    private let consent: DocumentSignature

    /// Reads a block and verifies all that can be verified from it alone: form, fields, and the signature if a recovery
    /// key made it.
    /// - Throws: `FormatError`.
    public init(block: [UInt8]) throws {
        guard block.count <= SignedRevocation.maximumSize else {
            throw FormatError(
                .malformed, "a revocation has \(SignedRevocation.maximumSize) bytes at most, not \(block.count)")
        }
        var signed = try DocumentReader(
            DAGCBOR.decode(block, mostValues: DAGCBOR.documentValues), "a signed revocation")
        var reader = try DocumentReader(signed.value("revocation"), "a revocation")
        try reader.type(SignedRevocation.type)
        revokes = try reader.link("revokes")
        at = try reader.time("at")
        try reader.finish()
        let signatures = try DocumentSignature.read(
            signed.list("signatures"), of: "a revocation", by: [.previous, .recovery])
        try signed.finish()
        guard let consent = signatures.first, signatures.count == 1 else {
            throw FormatError(
                .badSignature,
                "a revocation is signed once, by the identity that it revokes or by that one's recovery key")
        }
        try DocumentSignature.verifyRecovery(
            signatures, context: SignedBytes.revocation, hash: SignedRevocation.hash(revokes, at))
        self.consent = consent
        authority = consent.role == .recovery ? .recovery : .previous
        self.block = block
        cid = CID(hashing: block, codec: .dagCBOR)
    }

    /// The same for a block that was asked for by its name.
    /// - Throws: `FormatError.mismatch` if the bytes are not those that `cid` names.
    public init(block: [UInt8], named cid: CID) throws {
        try DocumentRules.check(cid, names: block)
        try self.init(block: block)
    }

    /// Revokes an identity.
    /// - Parameter identity: the one that ends.
    /// - Parameter at: Unix seconds.
    /// - Parameter consent: its own, or its recovery key's.
    /// - Throws: what the consent throws, and `FormatError` if its signature does not verify.
    public init(revoking identity: SignedIdentity, at: Int64, by consent: Consent) throws {
        try DocumentRules.check(time: at)
        let signature = try consent.signature(
            of: identity.identity, context: SignedBytes.revocation, hash: SignedRevocation.hash(identity.cid, at))
        try self.init(
            block: DAGCBOR.encode(
                .map([
                    "revocation": SignedRevocation.value(identity.cid, at), "signatures": .list([signature.value]),
                ])))
        _ = try verify(of: identity)
    }

    /// The key by which the holder of `identity` signed this.
    /// - Throws: `FormatError.mismatch` if it revokes another one; `badSignature`.
    @discardableResult
    public func verify(of identity: SignedIdentity) throws -> Authority {
        guard identity.cid == revokes else {
            throw FormatError(.mismatch, "the revocation is of \(revokes), not of \(identity.cid)")
        }
        return try DocumentSignature.verifyConsent(
            [consent], of: identity.identity, context: SignedBytes.revocation, hash: hash)
    }

    /// SHA-256 of the revocation's DAG-CBOR: what is signed, under `SignedBytes.revocation`.
    public var hash: [UInt8] {
        get throws { try SignedRevocation.hash(revokes, at) }
    }

    private static func value(_ revokes: CID, _ at: Int64) -> DAGCBOR.Value {
        .map(["type": .text(type), "revokes": .link(revokes), "at": .integer(at)])
    }

    private static func hash(_ revokes: CID, _ at: Int64) throws -> [UInt8] {
        Array(SHA256.hash(data: try DAGCBOR.encode(value(revokes, at))))
    }
}
