import DTAFormats

/// What the front brings to have the secret of an order made.
public struct CommitmentRequest: Sendable, Equatable {
    public var fiduciary: RecipientKey
    /// Part 1.
    public var order: SignedBlock
    /// The identities and revocations that it takes to judge it.
    public var documents: [SignedBlock]
    /// Whose key seals the secret.
    public var epoch: UInt32
}

/// A message that is such a request.
public protocol CommitmentMessage: CustodyMessage {
    var request: CommitmentRequest { get }

    init(_ request: CommitmentRequest)
}

extension CommitmentMessage {
    public init(fiduciary: RecipientKey, order: SignedBlock, documents: [SignedBlock], epoch: UInt32) {
        self.init(CommitmentRequest(fiduciary: fiduciary, order: order, documents: documents, epoch: epoch))
    }

    public init(from fields: inout CustodyReader) throws {
        self.init(
            fiduciary: try fields.recipientKey(), order: try fields.block(),
            documents: try fields.blocks(atMost: FieldBound.documents), epoch: try fields.uint32())
    }

    public func encode(to fields: inout CustodyWriter) {
        fields.field(request.fiduciary)
        fields.field(request.order)
        fields.field(request.documents)
        fields.field(request.epoch)
    }
}
