/// A part of an order, and the means to open it.
public struct SealedPart: Sendable, Equatable {
    /// The identity that it was sealed to.
    public var recipient: RecipientKey
    /// The signed envelope.
    public var block: SignedBlock

    public init(recipient: RecipientKey, block: SignedBlock) {
        self.recipient = recipient
        self.block = block
    }
}

extension CustodyWriter {
    /// Six fields.
    mutating func field(_ part: SealedPart) {
        field(part.recipient)
        field(part.block)
    }
}

extension CustodyReader {
    mutating func sealedPart() throws -> SealedPart {
        SealedPart(recipient: try recipientKey(), block: try block())
    }
}
