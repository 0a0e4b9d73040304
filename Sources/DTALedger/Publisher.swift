import DTAFormats
import DTAKubo
import DTASystem
import Logging

/// Brings blocks to the IPFS node, on its own thread: puts them, pins them, and checks the pins. No request waits for
/// it, and it holds no lock while it waits for the node.
package final class Publisher: Sendable {
    /// How many tasks are done before their outcomes are stored.
    private static let batch = 64
    /// After so many batches of blocks, pins have their turn even if more blocks wait.
    private static let batchesBeforePins = 8
    /// How often the node is probed if there is no work.
    private static let probeMilliseconds: UInt64 = 30_000
    /// The time for a pin's first attempt; it doubles with each further one, up to the configuration's limit.
    private static let firstPinMilliseconds = 3000

    let client: KuboClient
    let outbox: Outbox
    private let blocks: BlockStore
    private let logger: Logger
    private let node: Locked<NodeHealth>
    private let stopping = Locked(false)
    private let nodeBackOff: BackOff
    private let rowBackOff: BackOff

    package init(client: KuboClient, outbox: Outbox, blocks: BlockStore, logger: Logger) {
        self.client = client
        self.outbox = outbox
        self.blocks = blocks
        self.logger = logger
        node = Locked(NodeHealth(endpoint: "\(client.options.api)"))
        let longest = Int64(client.options.retryMilliseconds)
        nodeBackOff = BackOff(longestMilliseconds: longest)
        // A row that the node refuses again and again waits longer than a node that is away.
        rowBackOff = BackOff(longestMilliseconds: longest * 10)
    }

    package var health: NodeHealth { node.withLock { $0 } }

    /// Ends `run`, and any call to the node that waits.
    package func stop() {
        stopping.withLock { $0 = true }
        client.stop()
        outbox.wake()
    }

    private var isStopped: Bool { stopping.withLock { $0 } }

    // MARK: The thread

    /// Works until it is stopped.
    package func run() {
        var storeFails = false
        while !isStopped {
            do {
                let pause = try turn()
                storeFails = false
                wait(milliseconds: pause)
            } catch {
                // The state's disk is full, or gone. The work at the node is repeated later.
                if !storeFails { logger.error("publishing has to wait: \(DTAError(error).message)") }
                storeFails = true
                wait(milliseconds: UInt64(nodeBackOff.longestMilliseconds))
            }
        }
    }

    /// Probes the node once, and does some work for it.
    /// - Returns: how long to wait before the next turn, in milliseconds.
    private func turn() throws -> UInt64 {
        guard try probe() else { return UInt64(nodeBackOff.delay(after: node.withLock { $0.failures })) }
        var batches = 0
        while !isStopped {
            let put = try putBlocks()
            guard health.state == .up else { return 0 }
            batches += 1
            if put == Publisher.batch, batches % Publisher.batchesBeforePins != 0 { continue }
            let pinned = try pinBlocks()
            guard health.state == .up else { return 0 }
            if put == 0, pinned == 0 { break }
        }
        let unfinished = try outbox.countUnfinished()
        node.withLock { $0.unfinished = unfinished }
        guard let due = try outbox.nextDue() else { return Publisher.probeMilliseconds }
        return min(UInt64(max(due - unixMicroseconds() / 1000, 10)), Publisher.probeMilliseconds)
    }

    private func wait(milliseconds: UInt64) {
        // While the node is away, new blocks do not change when to probe it again.
        let patient = health.state == .away
        _ = outbox.arrivals.wait(until: monotonicNanoseconds() + milliseconds * 1_000_000) { arrived -> Bool? in
            if isStopped { return true }
            guard arrived, !patient else { return nil }
            arrived = false
            return true
        }
    }

    // MARK: The node

    /// Whether the node is there, and the same as before.
    private func probe() throws -> Bool {
        do {
            let version = try client.version()
            let peer = try client.id()
            let isAnother = try outbox.meet(node: peer)
            if isAnother {
                logger.notice(
                    "another IPFS node: all is published again", metadata: ["node": "\(client.options.api)"])
            }
            became(up: version, peer)
            return true
        } catch let error as KuboError {
            became(away: error)
            return false
        }
    }

    private func became(up version: String, _ peer: String) {
        let before = node.withLock { node in
            defer {
                node.state = .up
                node.version = version
                node.peer = peer
                node.reason = nil
                node.failures = 0
            }
            return node.state
        }
        guard before != .up else { return }
        logger.notice(
            before == .away ? "the IPFS node is back" : "the IPFS node answers",
            metadata: ["node": "\(client.options.api)", "version": "\(version)", "peer": "\(peer)"])
    }

    private func became(away error: KuboError) {
        guard error.kind != .stopped else { return }
        let before = node.withLock { node in
            defer {
                node.state = .away
                node.reason = error.error
                node.failures += 1
            }
            return node.state
        }
        if before != .away { logger.warning("the IPFS node is away, publishing waits: \(error.error.message)") }
    }

    // MARK: The work

    /// - Returns: how many blocks were tried.
    private func putBlocks() throws -> Int {
        let tasks = try outbox.blocksToPut(limit: Publisher.batch, horizon: rowBackOff.longestMilliseconds)
        return try work(tasks) { task in
            if try blocks.isDropped(task.cid) {
                try checkHas(task.cid)
            } else {
                try client.put(try blocks.bytes(task.cid), as: task.cid)
            }
            return [(task.cid, .became(.stored))]
        }
    }

    /// For a block that `ledger gc` dropped here because a node kept it: the present node is another one, or has lost
    /// it.
    private func checkHas(_ cid: CID) throws {
        guard try !client.has(cid) else { return }
        throw DTAError(
            .notFound,
            "the bytes of this block were dropped here while an IPFS node kept it, and \(client.name) has not got it: "
                + "connect it with the node that has, or import the block again")
    }

    private func pinBlocks() throws -> Int {
        let tasks = try outbox.blocksToPin(limit: Publisher.batch, horizon: rowBackOff.longestMilliseconds)
        return try work(tasks) { task in
            do {
                try client.pin(task.cid, milliseconds: pinTime(task))
                guard try client.isPinned(task.cid) else {
                    throw DTAError(.unavailable, "\(client.name) says that it pinned this block, and does not list it")
                }
                return [(task.cid, .became(.published))]
            } catch let error as KuboError where error.kind == .refused {
                return try lost(task.cid).map { ($0, .lost) } + [(task.cid, failure(task, error.error))]
            }
        }
    }

    private func pinTime(_ task: Outbox.Task) -> Int {
        min(client.options.requestMilliseconds, Publisher.firstPinMilliseconds << min(task.attempts, 16))
    }

    /// Of a block with a failed pin and of its parts, those that the node no longer has: a node drops unpinned blocks.
    private func lost(_ cid: CID) throws -> [CID] { try ([cid] + outbox.parts(of: cid)).filter { try !client.has($0) } }

    private typealias Result = (cid: CID, outcome: Outbox.Outcome)

    /// Does tasks one after the other until the node goes away, and stores their outcomes together.
    private func work(_ tasks: [Outbox.Task], _ body: (Outbox.Task) throws -> [(CID, Outbox.Outcome)]) throws -> Int {
        var results: [Result] = []
        for task in tasks where !isStopped {
            do {
                results += try body(task).map { (cid: $0.0, outcome: $0.1) }
            } catch let error as KuboError where error.kind == .unreachable || error.kind == .stopped {
                became(away: error)
                break
            } catch {
                let reason = (error as? KuboError)?.error ?? DTAError(error)
                results.append((task.cid, failure(task, reason)))
            }
        }
        try outbox.record(results)
        return tasks.count
    }

    private func failure(_ task: Outbox.Task, _ error: DTAError) -> Outbox.Outcome {
        let again = unixMicroseconds() / 1000 + rowBackOff.delay(after: task.attempts + 1)
        return .failed(reason: error.message, again: again)
    }
}
