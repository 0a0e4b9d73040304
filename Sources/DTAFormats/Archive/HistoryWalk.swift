/// The way from some blocks through all that they link to, nearest first, each block once. It fetches nothing itself,
/// so that the caller may have several blocks under way: ask for ``next()`` CIDs, fetch them, and ``follow(_:)`` those
/// that were there.
public struct HistoryWalk {
    /// How far a walk goes, however many links there are: a bound on memory and time.
    public struct Limits: Sendable {
        /// Blocks in all.
        public var blocks: Int
        /// Links from a start to a block: the longest thread.
        public var depth: Int

        public init(blocks: Int = 1 << 20, depth: Int = 1 << 17) {
            self.blocks = blocks
            self.depth = depth
        }
    }

    private let limits: Limits
    private var depths: [CID: Int] = [:]
    private var waiting: [CID] = []
    private var handedOut = 0

    public init(from starts: [CID], limits: Limits = Limits()) throws {
        self.limits = limits
        for cid in starts { try add(cid, depth: 0) }
    }

    /// The next block to look for; nil if all that is known was handed out. Following another may bring more.
    public mutating func next() -> CID? {
        guard handedOut < waiting.count else { return nil }
        defer {
            handedOut += 1
            // CIDs that were handed out are forgotten from time to time: moving the rest then costs little.
            if handedOut > 1024, handedOut > waiting.count / 2 {
                waiting.removeFirst(handedOut)
                handedOut = 0
            }
        }
        return waiting[handedOut]
    }

    /// Has the links of a block looked for too.
    /// - Throws: `FormatError`: `malformed` or `notCanonical` if it is not DAG-CBOR though its CID says so,
    ///   `unsupported` if the walk would go beyond its limits.
    public mutating func follow(_ block: ContentBlock) throws {
        let depth = (depths[block.cid] ?? 0) + 1
        for link in try block.links { try add(link, depth: depth) }
    }

    /// Has a block looked for that nothing links to.
    public mutating func add(_ cid: CID) throws { try add(cid, depth: 0) }

    private mutating func add(_ cid: CID, depth: Int) throws {
        guard depths[cid] == nil else { return }
        guard depths.count < limits.blocks else {
            throw FormatError(.unsupported, "the history has more than \(limits.blocks) blocks")
        }
        guard depth <= limits.depth else {
            throw FormatError(.unsupported, "the history is more than \(limits.depth) links long")
        }
        depths[cid] = depth
        waiting.append(cid)
    }
}

extension HistoryWalk {
    /// Walks to the end with the blocks of one source.
    /// - Parameter source: has the blocks.
    /// - Parameter visit: gets each block, hashed.
    /// - Parameter missing: gets each CID that the source does not have.
    /// - Throws: what ``follow(_:)``, the source and the closures throw.
    public mutating func run(
        _ source: some BlockSource, visit: (ContentBlock) throws -> Void, missing: (CID) throws -> Void
    ) throws {
        while let cid = next() {
            guard let block = try source.named(cid) else {
                try missing(cid)
                continue
            }
            try visit(block)
            try follow(block)
        }
    }
}
