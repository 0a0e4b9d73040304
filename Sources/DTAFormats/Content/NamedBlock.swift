/// A block and its name. There is no value of this type whose bytes are not those that the CID names.
public struct NamedBlock: Hashable, Sendable {
    public let cid: CID
    public let bytes: [UInt8]

    /// - Throws: `FormatError.mismatch` where the CID names other bytes.
    public init(_ cid: CID, _ bytes: [UInt8]) throws {
        let actual = CID(hashing: bytes, codec: cid.codec)
        guard actual == cid else {
            throw FormatError(.mismatch, "the bytes under the name \(cid) are those of \(actual)")
        }
        self.cid = cid
        self.bytes = bytes
    }

    /// Names bytes.
    public init(naming bytes: [UInt8], codec: CID.Codec) {
        cid = CID(hashing: bytes, codec: codec)
        self.bytes = bytes
    }

    /// What the block links to, in the order in which the links stand, each as often as it does. A raw block has none.
    /// - Throws: `FormatError` where a DAG-CBOR block is not canonical DAG-CBOR.
    public var links: [CID] {
        get throws { cid.codec == .raw ? [] : try DAGCBOR.links(in: bytes) }
    }
}
