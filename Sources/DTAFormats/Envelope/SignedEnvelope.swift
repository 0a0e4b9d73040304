import Crypto

/// An envelope and its sender's signature. The form is checked when it is read; the signature by `verify`, which needs
/// the sender's identity: verify it before you use the envelope.
public struct SignedEnvelope: Hashable, Sendable {
    /// The largest block.
    public static let maximumSize = DAGCBOR.maximumSize

    public let envelope: Envelope
    /// The one encoding, of which `cid` is the name.
    public let block: [UInt8]
    public let cid: CID
    /// SHA-256 of the envelope without its signatures: 32 bytes. Two envelopes are the same if their hashes are.
    public let innerHash: [UInt8]
    let signatures: [DocumentSignature]

    /// Reads a block, without verifying its signature.
    /// - Throws: `FormatError`.
    public init(block: [UInt8]) throws {
        let (value, places) = try DAGCBOR.decodeMarking(block, mostValues: DAGCBOR.documentValues)
        var reader = try DocumentReader(value, "a signed envelope")
        envelope = try Envelope(reader.value("envelope"))
        signatures = try DocumentSignature.read(reader.list("signatures"), of: "an envelope")
        try reader.finish()
        guard let first = signatures.first, first.role == .own, signatures.count <= 2 else {
            throw FormatError(.malformed, "an envelope is signed by its sender's own key first")
        }
        // There is one encoding, so the bytes can be hashed as they are.
        innerHash = Array(SHA256.hash(data: block[places["envelope"] ?? 0..<0]))
        self.block = block
        cid = CID(hashing: block, codec: .dagCBOR)
    }

    /// The same for a block that was asked for by its name.
    /// - Throws: `FormatError.mismatch` if the bytes are not those that `cid` names.
    public init(block: [UInt8], named cid: CID) throws {
        try DocumentRules.check(cid, names: block)
        try self.init(block: block)
    }

    /// Signs an envelope.
    /// - Parameter envelope: what is signed.
    /// - Parameter sender: the identity that signs.
    /// - Parameter sign: signs context ‖ 00 ‖ hash with the sender's key: 64 bytes; for P-256 raw r ‖ s, with either s.
    /// - Parameter postQuantum: signs with the sender's ML-DSA-65 key; needed exactly if it has one.
    /// - Throws: what `sign` throws, and `FormatError` if its signature does not verify.
    public init(
        signing envelope: Envelope, sender: SignedIdentity, with sign: DocumentSign, postQuantum: DocumentSign? = nil
    ) throws {
        let encoded = try DAGCBOR.encode(envelope.value)
        innerHash = Array(SHA256.hash(data: encoded))
        signatures = try DocumentSignature.make(
            by: sender.identity, context: SignedBytes.envelope, hash: innerHash, with: sign, postQuantum: postQuantum)
        self.envelope = envelope
        block = try SignedEnvelope.block(encoded, signatures)
        cid = CID(hashing: block, codec: .dagCBOR)
        try verify(sender: sender)
    }

    /// Checks that the sender signed exactly this envelope.
    /// - Throws: `FormatError.mismatch` for another's identity, `badSignature` if a signature is missing or does not
    ///   fit.
    public func verify(sender: SignedIdentity) throws {
        guard sender.cid == envelope.header.from else {
            throw FormatError(.mismatch, "the envelope is from \(envelope.header.from), not from \(sender.cid)")
        }
        try DocumentSignature.verify(
            signatures, by: sender.identity.signing, pq: sender.identity.pq, context: SignedBytes.envelope,
            hash: innerHash)
    }

    private static func block(_ envelope: [UInt8], _ signatures: [DocumentSignature]) throws -> [UInt8] {
        try DAGCBOR.encode(mapOfEncoded: [
            ("envelope", envelope), ("signatures", DAGCBOR.encode(.list(signatures.map(\.value)))),
        ])
    }

    static func encode(_ envelope: Envelope, _ signatures: [DocumentSignature]) throws -> [UInt8] {
        try block(DAGCBOR.encode(envelope.value), signatures)
    }
}
