/// A block with its name.
public struct ContentBlock: Hashable, Sendable {
    public let cid: CID
    public let bytes: [UInt8]

    /// Names `bytes` by their hash.
    public init(hashing bytes: [UInt8], codec: CID.Codec) {
        self.bytes = bytes
        cid = CID(hashing: bytes, codec: codec)
    }
}
