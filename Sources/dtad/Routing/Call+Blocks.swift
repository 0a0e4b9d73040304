import AgentServer
import DTAFormats
import DTALedger
import DTASystem

/// Requests that need blocks that may be only on the IPFS node.
extension Call {
    /// The most blocks that one request asks for: an envelope's recipients, their pages, and what those link to.
    private static let mostAsked = 4096

    /// Goes on as `prepare` says, which runs in a lane for reading. If it fails because blocks are missing, they are
    /// fetched from the node and it runs again, as long as each round brings a block and time is left.
    /// - Parameter localOnly: the node is not asked.
    func bringing(
        in lane: LaneName, localOnly: Bool, _ prepare: @escaping @Sendable () throws -> Step
    ) -> Step {
        let patience = localOnly ? 0 : agent.ledger.fetchMilliseconds ?? 0
        let deadline = monotonicNanoseconds() + UInt64(patience) * 1_000_000
        return .lane(lane) { attempt(in: lane, until: deadline, asked: [], prepare) }
    }

    /// - Parameters:
    ///   - deadline: monotonic; in the past if the node is not asked.
    ///   - asked: blocks that were asked for already.
    private func attempt(
        in lane: LaneName, until deadline: UInt64, asked: Set<CID>,
        _ prepare: @escaping @Sendable () throws -> Step
    ) -> Step {
        let (result, missing) = MissingBlocks.collecting(prepare)
        switch result {
        case .success(let step): return step
        case .failure(let error):
            let wanted = missing.filter { !asked.contains($0) }
            guard !wanted.isEmpty, asked.count + wanted.count <= Call.mostAsked, monotonicNanoseconds() < deadline
            else { return .answer(finish(.failure(error))) }
            return .lane(.asking) {
                // The node's error says more than that a block is not here.
                if let failure = bring(wanted, until: deadline) { return .answer(finish(.failure(failure))) }
                return .lane(lane) {
                    attempt(in: lane, until: deadline, asked: asked.union(wanted), prepare)
                }
            }
        }
    }

    /// - Returns: the first error, if not a single block was brought.
    private func bring(_ wanted: [CID], until deadline: UInt64) -> (any Error)? {
        var failure: (any Error)?
        var brought = 0
        for cid in wanted {
            let now = monotonicNanoseconds()
            guard now < deadline else { break }
            do {
                try agent.ledger.fetch(cid, for: caller, milliseconds: Int((deadline - now) / 1_000_000) + 1)
                brought += 1
            } catch {
                failure = failure ?? error
            }
        }
        return brought == 0 ? failure : nil
    }
}
