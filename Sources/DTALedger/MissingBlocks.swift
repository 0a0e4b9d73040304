import DTAFormats
import DTASystem

/// The blocks that an operation looked for in the ledger and did not find. So the operation can simply run, and run
/// again once the blocks are there, even if it caught the error.
package enum MissingBlocks {
    fileprivate final class Collector: Sendable {
        let found = Locked<[CID]>([])
    }

    @TaskLocal fileprivate static var collector: Collector?

    /// Runs `body`, and returns the blocks that it missed, each once, in order.
    package static func collecting<Value>(_ body: () throws -> Value) -> (
        result: Result<Value, any Error>, missing: [CID]
    ) {
        let collector = Collector()
        let result = $collector.withValue(collector) { Result { try body() } }
        var seen: Set<CID> = []
        return (result, collector.found.withLock { $0 }.filter { seen.insert($0).inserted })
    }

    /// Called if a block is not found.
    static func note(_ cid: CID) { collector?.found.withLock { $0.append(cid) } }
}
