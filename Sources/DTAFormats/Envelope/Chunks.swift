/// A body that is kept in blocks of its own: `{ "size": int, "blocks": [ link ] }`.
public struct Chunks: Hashable, Sendable {
    /// The most blocks that an envelope links to by itself. More are listed in DAG-CBOR blocks of as many links.
    public static let linksPerPage = 4096

    public let plan: ChunkPlan
    /// The field `blocks`: links to the raw blocks of the body, or to the blocks that list those.
    let blocks: [CID]

    /// Whether the links are in blocks of their own.
    public var isPaged: Bool { plan.blockCount > Chunks.linksPerPage }

    /// The blocks that list links, which belong to the envelope; none if it has the links itself.
    public var pages: [CID] { isPaged ? blocks : [] }

    var value: DAGCBOR.Value {
        .map(["size": .integer(Int64(plan.size)), "blocks": .list(blocks.map { .link($0) })])
    }

    init(_ value: DAGCBOR.Value, isSealed: Bool) throws {
        var reader = try DocumentReader(value, "the chunks of an envelope")
        guard let size = try reader.value("size").integer, let size = Int(exactly: size) else {
            throw FormatError(.malformed, "the field \"size\" of the chunks of an envelope is a number of bytes")
        }
        let plan = try ChunkPlan(size: size, isSealed: isSealed)
        let items = try reader.list("blocks")
        try reader.finish()
        let isPaged = plan.blockCount > Chunks.linksPerPage
        let expected = isPaged ? ListPages.count(of: plan.blockCount, perPage: Chunks.linksPerPage) : plan.blockCount
        guard items.count == expected else {
            throw FormatError(
                .malformed,
                "a body of \(size) bytes has \(expected) links to its blocks\(isPaged ? "' lists" : ""), not \(items.count)"
            )
        }
        self.plan = plan
        blocks = try Chunks.links(items, isPaged ? .dagCBOR : .raw)
    }

    /// For a body whose blocks are all known.
    /// - Returns: with the blocks that list links, to be stored with the envelope.
    static func make(_ plan: ChunkPlan, blocks: [CID]) throws -> (chunks: Chunks, pages: [ContentBlock]) {
        guard blocks.count == plan.blockCount, blocks.allSatisfy({ $0.codec == .raw }) else {
            throw FormatError(
                .invalidArgument, "a body of \(plan.size) bytes has \(plan.blockCount) raw blocks, not \(blocks.count)")
        }
        guard blocks.count > linksPerPage else { return (Chunks(plan: plan, blocks: blocks), []) }
        let pages = try ListPages.cut(blocks.map { .link($0) }, perPage: linksPerPage)
        return (Chunks(plan: plan, blocks: pages.map(\.cid)), pages)
    }

    private init(plan: ChunkPlan, blocks: [CID]) {
        self.plan = plan
        self.blocks = blocks
    }

    /// The CIDs of all blocks of the body, in order.
    /// - Parameter block: gives the block that a CID names; it is asked only for bodies of more than 4,096 blocks, and
    ///   what it answers is hashed here.
    /// - Throws: what `block` throws; `FormatError` if a list breaks a rule.
    public func links(_ block: (CID) throws -> [UInt8] = Envelope.noBlocks) throws -> [CID] {
        guard isPaged else { return blocks }
        return try blocks.enumerated().flatMap { index, page in
            let count = min(Chunks.linksPerPage, plan.blockCount - index * Chunks.linksPerPage)
            return try Chunks.links(ListPages.items(of: page, "chunks", count: count...count, block), .raw)
        }
    }

    private static func links(_ values: [DAGCBOR.Value], _ codec: CID.Codec) throws -> [CID] {
        try values.map { value in
            guard case .link(let link) = value, link.codec == codec else {
                throw FormatError(
                    .malformed, "the blocks of a body are links to \(codec == .raw ? "raw" : "list") blocks")
            }
            return link
        }
    }
}
