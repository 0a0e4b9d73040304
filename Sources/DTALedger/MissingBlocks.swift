import DTAFormats
import DTASystem

/// What a piece of work looked for in the ledger and did not find. So it can simply be done, and done again when somebody
/// has brought what it missed, whatever it made of the error on its way up.
package enum MissingBlocks {
    fileprivate final class Collector: Sendable {
        let found = Locked<[CID]>([])
    }

    @TaskLocal fileprivate static var collector: Collector?

    /// Runs `body`, and tells what it missed, each once, in the order in which it did.
    package static func collecting<Value>(_ body: () throws -> Value) -> (
        result: Result<Value, any Error>, missing: [CID]
    ) {
        let collector = Collector()
        let result = $collector.withValue(collector) { Result { try body() } }
        var seen: Set<CID> = []
        return (result, collector.found.withLock { $0 }.filter { seen.insert($0).inserted })
    }

    /// Called where a block is not found.
    static func note(_ cid: CID) { collector?.found.withLock { $0.append(cid) } }
}
