import AgentProtocol
import DTAFormats
import DTASystem

/// Fetches blocks and all that they link to from the agent, a few in flight; and the successors and revocations of the
/// identities among them, to which nothing links.
public struct HistoryFetcher {
    public let client: BlockingAgentClient
    private var walk: HistoryWalk
    /// The blocks that the other side has, with all that they link to.
    private let known: Set<CID>
    /// Identities that were found, whose history is still to be asked for.
    private var met: [CID] = []
    /// Blocks that could not be found, and the agent's error for the first.
    public private(set) var missing: [CID] = []
    public private(set) var reason: DTAError?

    private static let depth = 4

    /// - Parameter known: blocks that are left out, and are not followed.
    /// - Throws: `FormatError` for more roots than a walk has blocks.
    public init(_ client: BlockingAgentClient, roots: [CID], known: Set<CID> = []) throws {
        self.client = client
        self.known = known
        walk = try HistoryWalk(from: roots)
    }

    /// Gives each block once, hashed.
    /// - Throws: `DTAError` as the agent answers it, `dataLoss` if it answers another block than it was asked for, and
    ///   what `take` throws.
    public mutating func run(_ take: (ContentBlock) throws -> Void) throws {
        var unanswered: [CID] = []
        while true {
            guard let cid = unanswered.first ?? nextWanted() else {
                if try askHistories() { continue }
                return
            }
            var waiting = unanswered.isEmpty ? [cid] : unanswered
            unanswered = []
            var answers = 0
            do {
                try client.pipeline(depth: HistoryFetcher.depth, takesRefusals: true) {
                    guard let cid = waiting.isEmpty ? nextWanted() : waiting.removeFirst() else { return nil }
                    unanswered.append(cid)
                    return .getBlock(cid.description)
                } answered: { answer in
                    let cid = unanswered.removeFirst()
                    try use(answer, cid, take)
                    answers += 1
                }
            } catch let error as DTAError where error.code == .unavailable && answers > 0 {
                // The reader of our output was slower than the agent waits: the remaining blocks are asked for again.
                unanswered += waiting
            }
        }
    }

    private mutating func nextWanted() -> CID? {
        while let cid = walk.next() {
            if !known.contains(cid) { return cid }
        }
        return nil
    }

    private mutating func use(_ answer: AgentResponse, _ cid: CID, _ take: (ContentBlock) throws -> Void) throws {
        if let error = answer.error {
            guard [.notFound, .unavailable].contains(error.code) else { throw error }
            missing.append(cid)
            reason = reason ?? error
            return
        }
        let block: ContentBlock
        do {
            block = try ContentBlock([UInt8](answer.data), named: cid)
        } catch let error as FormatError {
            throw DTAError(.dataLoss, "the agent answered another block than it was asked for: \(error.reason)")
        }
        try take(block)
        try walk.follow(block)
        if DocumentKind(of: block) == .identity { met.append(cid) }
    }

    /// - Returns: whether there was anything to ask.
    private mutating func askHistories() throws -> Bool {
        guard !met.isEmpty else { return false }
        defer { met = [] }
        for identity in met {
            do {
                for block in try client.call(.identityHistory(identity.description)).blocks {
                    try walk.add(try CID(block.cid))
                }
            } catch let error as DTAError where error.code == .notFound {
                // Its document is in the ledger only as a block, so nothing more is known.
            }
        }
        return true
    }
}
