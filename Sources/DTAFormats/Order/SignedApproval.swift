/// An approval and its approver's signature. With the approver's document it can be checked without opening an
/// envelope. The form is checked when it is read; the signature by `verify`.
public struct SignedApproval: Hashable, Sendable {
    /// The largest: twice what the largest signatures need.
    public static let maximumSize = 8 << 10

    public let approval: OrderApproval
    /// The one encoding: the body of an approval's envelope.
    public let block: [UInt8]
    private let signatures: [DocumentSignature]

    /// Reads a block, without verifying its signature.
    /// - Throws: `FormatError`.
    public init(_ block: [UInt8]) throws {
        guard block.count <= SignedApproval.maximumSize else {
            throw FormatError(
                .malformed, "an approval has \(SignedApproval.maximumSize) bytes at most, not \(block.count)")
        }
        var reader = try DocumentReader(
            DAGCBOR.decode(block, mostValues: DAGCBOR.documentValues), "a signed approval")
        approval = try OrderApproval(reader.value("approval"))
        signatures = try DocumentSignature.read(reader.list("signatures"), of: "an approval")
        try reader.finish()
        guard signatures.first?.role == .own else {
            throw FormatError(.malformed, "an approval is signed by its approver's own key first")
        }
        self.block = block
    }

    /// Signs an approval.
    /// - Parameter approval: what is signed.
    /// - Parameter approver: the identity that signs.
    /// - Parameter sign: signs with its key.
    /// - Parameter postQuantum: signs with its ML-DSA-65 key; needed exactly if it has one.
    /// - Throws: what the closures throw, and `FormatError` if a signature does not verify.
    public init(
        signing approval: OrderApproval, approver: SignedIdentity, with sign: DocumentSign,
        postQuantum: DocumentSign? = nil
    ) throws {
        let signatures = try DocumentSignature.make(
            by: approver.identity, context: SignedBytes.approval, hash: approval.hash, with: sign,
            postQuantum: postQuantum)
        try self.init(
            DAGCBOR.encode(.map(["approval": approval.value, "signatures": .list(signatures.map(\.value))])))
        try verify(approver: approver)
    }

    /// The same as `block`, as the other parts have it.
    public func encoded() -> [UInt8] { block }

    /// Checks that the approver signed exactly this.
    /// - Throws: `FormatError.mismatch` for another's identity; `badSignature`.
    public func verify(approver: SignedIdentity) throws {
        guard approver.cid == approval.by else {
            throw FormatError(.mismatch, "the approval is by \(approval.by), not by \(approver.cid)")
        }
        try DocumentSignature.verify(
            signatures, by: approver.identity.signing, pq: approver.identity.pq, context: SignedBytes.approval,
            hash: approval.hash)
    }
}
