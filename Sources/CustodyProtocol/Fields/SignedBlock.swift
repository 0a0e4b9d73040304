/// A signed block, as it is stored and sent: the envelope of a part, an approval, an identity, a revocation.
/// It is not verified yet.
public struct SignedBlock: Sendable, Hashable {
    public var bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }
}

extension CustodyWriter {
    mutating func field(_ block: SignedBlock) { field(block.bytes) }

    mutating func field(_ blocks: [SignedBlock]) { field(BlockList.encode(blocks.map(\.bytes))) }
}

extension CustodyReader {
    /// A part.
    mutating func block() throws -> SignedBlock { SignedBlock(try field(atMost: FieldBound.part)) }

    mutating func blocks(atMost limit: Int) throws -> [SignedBlock] {
        try BlockList.decode(field(atMost: limit)).map(SignedBlock.init)
    }
}
