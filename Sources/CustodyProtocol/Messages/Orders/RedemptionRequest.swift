import DTAFormats

/// The front's request to release or use the secret of an order.
public struct RedemptionRequest: Sendable, Equatable {
    public var fiduciary: RecipientKey
    /// What `NewSeed` or `NewOrderKey` gave.
    public var sealed: [UInt8]
    /// Part 1.
    public var order: CID
    /// Part 3.
    public var redemption: SignedBlock
    /// Signed approvals.
    public var approvals: [SignedBlock]
    /// The identities and revocations that are needed to judge it.
    public var documents: [SignedBlock]
    /// When the redemption came, in Unix seconds.
    public var received: Int64

    public init(
        fiduciary: RecipientKey, sealed: [UInt8], order: CID, redemption: SignedBlock, approvals: [SignedBlock],
        documents: [SignedBlock], received: Int64
    ) {
        self.fiduciary = fiduciary
        self.sealed = sealed
        self.order = order
        self.redemption = redemption
        self.approvals = approvals
        self.documents = documents
        self.received = received
    }
}

extension CustodyWriter {
    mutating func field(_ request: RedemptionRequest) {
        field(request.fiduciary)
        field(request.sealed)
        field(request.order)
        field(request.redemption)
        field(request.approvals)
        field(request.documents)
        field(UInt64(bitPattern: request.received))
    }
}

extension CustodyReader {
    mutating func redemptionRequest() throws -> RedemptionRequest {
        RedemptionRequest(
            fiduciary: try recipientKey(), sealed: try field(atMost: SealedSize.orderLimit), order: try cid(),
            redemption: try block(), approvals: try blocks(atMost: FieldBound.approvals),
            documents: try blocks(atMost: FieldBound.documents), received: try unixSeconds())
    }
}
