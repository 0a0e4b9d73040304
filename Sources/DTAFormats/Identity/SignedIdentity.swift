/// An identity and its signatures. Every value of this type has verified signatures of its own. `verifySuccession`
/// tells whether the identity that it replaces agreed, and needs that one's document.
public struct SignedIdentity: Hashable, Sendable {
    /// The largest block: the largest fields and all signatures fill two thirds of it.
    public static let maximumSize = 16 << 10

    public let identity: Identity
    /// The one encoding, of which `cid` is the name.
    public let block: [UInt8]
    /// The identity's name everywhere.
    public let cid: CID
    /// Those of `previous` and `recovery`.
    private let consents: [DocumentSignature]

    /// Reads a block and verifies all that can be verified from it alone: form, fields, keys, and the signatures of its
    /// own keys and of a recovery key.
    /// - Throws: `FormatError`; `unsupported` for what this version cannot check completely.
    public init(block: [UInt8]) throws {
        guard block.count <= SignedIdentity.maximumSize else {
            throw FormatError(
                .malformed, "an identity has \(SignedIdentity.maximumSize) bytes at most, not \(block.count)")
        }
        var reader = try DocumentReader(DAGCBOR.decode(block, mostValues: DAGCBOR.documentValues), "a signed identity")
        let identity = try Identity(reader.value("identity"))
        let signatures = try DocumentSignature.read(
            reader.list("signatures"), of: "an identity", by: [.own, .previous, .recovery, .pq])
        try reader.finish()
        try SignedIdentity.checkOrder(signatures.map(\.role), of: identity)
        let hash = try identity.hash
        try DocumentSignature.verify(
            signatures.filter { !$0.isConsent }, by: identity.signing, pq: identity.pq, context: SignedBytes.identity,
            hash: hash)
        try DocumentSignature.verifyRecovery(signatures, context: SignedBytes.identity, hash: hash)
        self.identity = identity
        self.block = block
        consents = signatures.filter(\.isConsent)
        cid = CID(hashing: block, codec: .dagCBOR)
    }

    /// The same for a block that was asked for by its name.
    /// - Throws: `FormatError.mismatch` if the bytes are not those that `cid` names.
    public init(block: [UInt8], named cid: CID) throws {
        try DocumentRules.check(cid, names: block)
        try self.init(block: block)
    }

    /// Self, then the identity that agreed to be replaced, then the post-quantum key: those that the fields call for,
    /// and no others.
    ///
    /// One consent, never two: no signature covers their number. A courier of a document with both could leave one out,
    /// and the two would be rival successors with equal right: a conflict for ever.
    private static func checkOrder(_ roles: [DocumentSignature.Role], of identity: Identity) throws {
        let agreed: [[DocumentSignature.Role]] =
            identity.previous == nil ? [[]] : [[.previous], [.recovery]]
        let expected = agreed.map { [.own] + $0 + (identity.pq == nil ? [] : [.pq]) }
        guard expected.contains(roles) else {
            let names = expected.map { $0.map(\.rawValue).joined(separator: ", ") }.joined(separator: "; or ")
            throw FormatError(
                .badSignature, "this identity is to be signed, in this order, by \(names) only")
        }
    }

    /// Whether this identity rightly replaces another: every signature that says so fits.
    /// - Returns: the key by which its holder agreed: recovery if that key signed.
    /// - Throws: `FormatError.mismatch` if it does not say that it replaces `predecessor`; `badSignature`.
    public func verifySuccession(of predecessor: SignedIdentity) throws -> Authority {
        guard identity.previous == predecessor.cid else {
            throw FormatError(.mismatch, "the identity does not replace \(predecessor.cid)")
        }
        return try DocumentSignature.verifyConsent(
            consents, of: predecessor.identity, context: SignedBytes.identity, hash: identity.hash)
    }
}
