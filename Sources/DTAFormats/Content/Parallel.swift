import Dispatch
import FoundationEssentials
import Synchronization

/// Work on many elements at once, on all processors.
enum Parallel {
    /// Read once, because reading takes as long as a third of a wrap.
    private static let processors = ProcessInfo.processInfo.activeProcessorCount

    /// As `map`, in the same order.
    /// - Parameter count: how many elements are worth a thread.
    /// - Throws: the error of the first element that has one.
    static func map<Element: Sendable, Result: Sendable>(
        _ elements: [Element], atLeast count: Int, _ transform: @Sendable (Element) throws -> Result
    ) throws -> [Result] {
        guard elements.count / count > 1, processors > 1 else { return try elements.map(transform) }
        let threads = min(processors, elements.count / count)
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
