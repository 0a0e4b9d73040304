/// Writes an archive, block by block; it holds none of them.
public struct CARWriter {
    private let sink: ([UInt8]) throws -> Void
    /// How many blocks were written.
    public private(set) var blocks = 0
    /// How many bytes were written, the header's included.
    public private(set) var size: UInt64 = 0

    /// Writes the header.
    /// - Parameter roots: the roots of the archive, 1 to ``CAR/rootLimit``.
    /// - Parameter sink: takes the bytes, in their order.
    /// - Throws: `FormatError.invalidArgument` for no roots or too many, and what `sink` throws.
    public init(roots: [CID], sink: @escaping ([UInt8]) throws -> Void) throws {
        self.sink = sink
        let header = try CAR.header(roots)
        try write(UnsignedVarint.encode(UInt64(header.count)) + header)
    }

    /// Writes a block. Blocks come in any order, best each once.
    /// - Throws: `FormatError.invalidArgument` for a block of more than 1 MiB, and what the sink throws.
    public mutating func append(_ block: ContentBlock) throws {
        guard block.bytes.count <= DAGCBOR.maximumSize else {
            throw FormatError(
                .invalidArgument, "a block has \(DAGCBOR.maximumSize) bytes at most, not \(block.bytes.count)")
        }
        let length = UInt64(CID.byteCount + block.bytes.count)
        try write(UnsignedVarint.encode(length) + block.cid.bytes + block.bytes)
        blocks += 1
    }

    private mutating func write(_ bytes: [UInt8]) throws {
        try sink(bytes)
        size += UInt64(bytes.count)
    }
}
