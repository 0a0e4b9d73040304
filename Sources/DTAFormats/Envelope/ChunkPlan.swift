/// How a body in chunks is cut. All of it follows from the size: 64 KiB of plaintext to a chunk, 15 chunks to a block,
/// all chunks and blocks full but the last. An empty body is one empty chunk in one block.
///
/// A sealed chunk is 16 bytes longer than its plaintext. A public body is cut in the same places, and its blocks are
/// the plaintext itself.
public struct ChunkPlan: Hashable, Sendable {
    /// Plaintext of a full chunk.
    public static let chunkSize = 64 << 10
    public static let chunksPerBlock = 15
    /// Plaintext of a full block: sealed it stays below 1 MiB, the limit of IPFS nodes.
    public static let blockContent = chunkSize * chunksPerBlock
    /// The largest body: as many blocks as a list of lists of links can name.
    public static let maximumSize = blockContent * Chunks.linksPerPage * Chunks.linksPerPage

    /// Bytes of plaintext.
    public let size: Int
    /// Whether the blocks are ciphertext.
    public let isSealed: Bool

    /// - Parameter size: bytes of plaintext.
    /// - Parameter isSealed: whether the blocks are ciphertext.
    /// - Throws: `FormatError.malformed` for a negative one and for one past `maximumSize`.
    public init(size: Int, isSealed: Bool) throws {
        guard (0...ChunkPlan.maximumSize).contains(size) else {
            throw FormatError(.malformed, "a body in chunks has 0 to \(ChunkPlan.maximumSize) bytes, not \(size)")
        }
        self.size = size
        self.isSealed = isSealed
    }

    /// The plan of existing blocks.
    /// - Parameter blocks: how many there are.
    /// - Parameter lastBlock: bytes of the last block, as it is stored.
    /// - Parameter isSealed: whether they are ciphertext.
    /// - Throws: `FormatError.malformed` if no body has such a last block.
    public init(blocks: Int, lastBlock: Int, isSealed: Bool) throws {
        guard (1...ChunkPlan.maximumSize / ChunkPlan.blockContent).contains(blocks), lastBlock >= 0,
            lastBlock <= ChunkPlan.fullBlock(isSealed: isSealed)
        else { throw FormatError(.malformed, "no body in chunks ends with a block of \(lastBlock) bytes") }
        let tag = isSealed ? Envelope.tagSize : 0
        let chunks = max(1, (lastBlock + ChunkPlan.chunkSize + tag - 1) / (ChunkPlan.chunkSize + tag))
        try self.init(
            size: max(0, (blocks - 1) * ChunkPlan.blockContent + lastBlock - chunks * tag), isSealed: isSealed)
        // A block that is only a tag, or ends inside of one, ends only the empty body.
        guard blockCount == blocks, blockSize(blocks - 1) == lastBlock else {
            throw FormatError(.malformed, "no body in chunks ends with a block of \(lastBlock) bytes")
        }
    }

    /// Bytes of a full block, as it is stored.
    public static func fullBlock(isSealed: Bool) -> Int {
        blockContent + (isSealed ? chunksPerBlock * Envelope.tagSize : 0)
    }

    public var chunkCount: Int { max(1, (size + ChunkPlan.chunkSize - 1) / ChunkPlan.chunkSize) }

    public var blockCount: Int { (chunkCount + ChunkPlan.chunksPerBlock - 1) / ChunkPlan.chunksPerBlock }

    /// The offset of a block's plaintext in the body.
    public func offset(ofBlock index: Int) -> Int { index * ChunkPlan.blockContent }

    /// Bytes of a block's plaintext.
    public func contentSize(_ index: Int) -> Int {
        index < blockCount - 1 ? ChunkPlan.blockContent : size - offset(ofBlock: index)
    }

    /// Bytes of a block, as it is stored.
    public func blockSize(_ index: Int) -> Int {
        contentSize(index) + (isSealed ? chunks(inBlock: index) * Envelope.tagSize : 0)
    }

    func chunks(inBlock index: Int) -> Int {
        index < blockCount - 1
            ? ChunkPlan.chunksPerBlock : chunkCount - (blockCount - 1) * ChunkPlan.chunksPerBlock
    }

    /// Checks a block's place and length against the plan.
    /// - Throws: `FormatError.dataLoss`: the body was cut short, extended, or its blocks were exchanged.
    func check(block index: Int, count: Int) throws {
        guard (0..<blockCount).contains(index) else {
            throw FormatError(.dataLoss, "the body has \(blockCount) blocks: there is no block \(index) in it")
        }
        guard count == blockSize(index) else {
            throw FormatError(
                .dataLoss,
                "block \(index) of the body has \(count) bytes and not \(blockSize(index)): it was cut short or extended, "
                    + "or is another one")
        }
    }
}
