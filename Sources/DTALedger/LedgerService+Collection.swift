import DTACore
import DTAFormats
import DTAKubo
import DTASystem
import GRDB

/// Makes room: bytes that the IPFS node has pinned need not be here as well.
extension LedgerService {
    /// The result of a round. A block is kept if the node did not confirm that it has it and keeps it.
    package struct Collected: Sendable {
        package var dropped = 0
        package var bytes = 0
        package var kept = 0
        /// For the next round; "" after the last one.
        package var cursor = ""
    }

    /// How many blocks one round looks at. Each takes one or two calls to the node.
    private static let round = 256
    /// The time after which a round ends early, so that no request takes too long.
    private static let roundNanoseconds: UInt64 = 10_000_000_000

    /// Drops the bytes of published blocks, after asking the node again for each whether it has it and keeps it.
    /// Identities and revocations always stay, and so do blocks that something unfinished here needs. For
    /// administrators.
    /// - Parameter dryRun: only counts.
    package func collect(_ caller: Caller, dryRun: Bool, cursor: String) throws -> Collected {
        guard caller.isAdministrator else {
            throw DTAError(
                .permissionDenied, "user \(caller.display) may not drop blocks from the ledger",
                hint: "an administrator can")
        }
        guard let publisher else {
            throw DTAError(
                .failedPrecondition, "no IPFS node is configured: what is dropped here would be lost",
                hint: "ledger.kubo in dtad.yaml names one")
        }
        guard let after = cursor.isEmpty ? 0 : Int64(cursor) else {
            throw DTAError(.invalidArgument, "\(quoted(cursor)) is no cursor of this list")
        }
        do {
            return try collect(publisher, dryRun: dryRun, after: after)
        } catch let error as KuboError {
            throw error.error
        }
    }

    private struct Candidate {
        let number: Int64
        let cid: CID
        let size: Int
        /// The block with the pin that keeps it.
        let root: CID
    }

    private func collect(_ publisher: Publisher, dryRun: Bool, after: Int64) throws -> Collected {
        let candidates = try candidates(after: after)
        let end = monotonicNanoseconds() + LedgerService.roundNanoseconds
        var result = Collected()
        var pinned: [CID: Bool] = [:]
        var confirmed: [Candidate] = []
        var lost: Set<CID> = []
        var last = after
        for candidate in candidates {
            guard monotonicNanoseconds() < end else { break }
            last = candidate.number
            if try isHeld(candidate.cid) {
                result.kept += 1
                continue
            }
            let isPinned = try pinned[candidate.root] ?? publisher.client.isPinned(candidate.root)
            pinned[candidate.root] = isPinned
            let isThere = try publisher.client.has(candidate.cid)
            guard isPinned, isThere else {
                if !isPinned { lost.insert(candidate.root) }
                if !isThere { lost.insert(candidate.cid) }
                result.kept += 1
                continue
            }
            confirmed.append(candidate)
        }
        let isLast = candidates.count < LedgerService.round && last == candidates.last?.number ?? after
        result.cursor = isLast ? "" : String(last)
        result.dropped = confirmed.count
        result.bytes = confirmed.reduce(0) { $0 + $1.size }
        if dryRun { return result }
        let dropped = try blocks.store.write { database in
            try confirmed.compactMap { try blocks.drop($0.cid, in: database) }
        }
        try blocks.free(dropped)
        // Blocks that the node was thought to keep, but does not, are published again.
        try publisher.outbox.record(lost.map { ($0, .lost) })
        if !lost.isEmpty { publisher.outbox.wake() }
        return result
    }

    private func candidates(after: Int64) throws -> [Candidate] {
        try blocks.store.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT blocks.number, blocks.cid, blocks.size, coalesce(publications.cover, blocks.cid) AS root
                    FROM blocks JOIN publications ON publications.cid = blocks.cid
                    WHERE publications.state = 'published' AND blocks.kind IN ('envelope', 'block')
                      AND NOT \(BlockStore.isDropped) AND blocks.number > ?
                    ORDER BY blocks.number LIMIT ?
                    """, arguments: [after, LedgerService.round])
            return try rows.map {
                Candidate(
                    number: $0["number"], cid: try CID(row: $0["cid"]), size: $0["size"], root: try CID(row: $0["root"])
                )
            }
        }
    }
}
