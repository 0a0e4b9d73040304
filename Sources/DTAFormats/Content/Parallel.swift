import Dispatch
import Foundation
import Synchronization

/// Work on many things at once, on as many processors as there are.
enum Parallel {
    /// As `map`, in the same order.
    /// - Parameter count: how many things are worth a thread.
    /// - Throws: the error of the first thing that has one.
    static func map<Element: Sendable, Result: Sendable>(
        _ elements: [Element], atLeast count: Int, _ transform: @Sendable (Element) throws -> Result
    ) throws -> [Result] {
        let threads = min(ProcessInfo.processInfo.activeProcessorCount, elements.count / count)
        guard threads > 1 else { return try elements.map(transform) }
        let parts = Mutex<[Int: Swift.Result<[Result], any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: threads) { number in
            let range = (elements.count * number / threads)..<(elements.count * (number + 1) / threads)
            let part = Swift.Result { try elements[range].map(transform) }
            parts.withLock { $0[number] = part }
        }
        let made = parts.withLock { $0 }
        return try made.sorted { $0.key < $1.key }.flatMap { try $0.value.get() }
    }
}
