/// The kind of document that a block claims to be, by its outermost fields. Its own type verifies that.
public enum DocumentKind: String, Sendable, CaseIterable {
    case identity
    case revocation
    case envelope
    /// Anything else: a chunk of a body, a list of links, other data.
    case block

    public init(of block: ContentBlock) {
        self = .block
        // A signed document is a map of two; so much can be told before it is decoded.
        guard block.cid.codec == .dagCBOR, block.bytes.first == 0xa2,
            case .map(let map)? = try? DAGCBOR.decode(block.bytes, mostValues: DAGCBOR.documentValues),
            map["signatures"] != nil
        else { return }
        for kind in [DocumentKind.identity, .revocation, .envelope] where map[kind.rawValue] != nil { self = kind }
    }
}
