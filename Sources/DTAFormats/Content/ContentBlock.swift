/// A block with its name. There is no value of this type whose bytes are not those that the CID names.
public struct ContentBlock: Hashable, Sendable {
    public let cid: CID
    public let bytes: [UInt8]

    /// Names `bytes` by their hash.
    public init(hashing bytes: [UInt8], codec: CID.Codec) {
        self.bytes = bytes
        cid = CID(hashing: bytes, codec: codec)
    }

    /// A block that came under a name.
    /// - Throws: `FormatError.mismatch` if the CID names other bytes.
    public init(_ bytes: [UInt8], named cid: CID) throws {
        self.init(hashing: bytes, codec: cid.codec)
        guard self.cid == cid else {
            throw FormatError(.mismatch, "the bytes under the name \(cid) are those of \(self.cid)")
        }
    }

    /// The links of the block, in their order, with repetitions. A raw block has none.
    /// - Throws: `FormatError` if a DAG-CBOR block is not canonical DAG-CBOR.
    public var links: [CID] {
        get throws { cid.codec == .raw ? [] : try DAGCBOR.links(in: bytes) }
    }
}
