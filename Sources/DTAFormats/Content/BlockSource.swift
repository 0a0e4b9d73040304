/// A source of blocks by their CIDs: a CAR in a file, an agent, memory.
public protocol BlockSource {
    /// The bytes of a block; nil if the source does not have it. The caller hashes them.
    func block(_ cid: CID) throws -> [UInt8]?

    /// How many bytes the block has, if the source can tell that without reading them all.
    func size(of cid: CID) throws -> Int?
}

extension BlockSource {
    public func size(of cid: CID) throws -> Int? { try block(cid)?.count }

    /// The block, hashed; nil if the source does not have it.
    /// - Throws: `FormatError.mismatch` if the source answers other bytes.
    public func named(_ cid: CID) throws -> ContentBlock? { try block(cid).map { try ContentBlock($0, named: cid) } }
}

extension [CID: [UInt8]]: BlockSource {
    public func block(_ cid: CID) -> [UInt8]? { self[cid] }
}
