extension DAGCBOR {
    /// The links in a block, in their order, with repetitions.
    /// - Throws: `FormatError` as `decode` does.
    public static func links(in bytes: [UInt8]) throws -> [CID] { try decode(bytes).links }
}

extension DAGCBOR.Value {
    /// The links in a value, in the order in which they are written.
    public var links: [CID] {
        var found: [CID] = []
        collect(&found)
        return found
    }

    // As deep as values nest: `DAGCBOR.maximumDepth` at most.
    private func collect(_ found: inout [CID]) {
        switch self {
        case .link(let cid): found.append(cid)
        case .list(let items): for item in items { item.collect(&found) }
        case .map(let map): for entry in map.entries { entry.value.collect(&found) }
        case .null, .bool, .unsigned, .negative, .float, .bytes, .text: break
        }
    }
}
