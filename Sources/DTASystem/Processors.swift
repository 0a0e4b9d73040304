import CLinux
import Glibc

/// The machine's processors, as far as this process may use them.
public enum Processors {
    /// Their numbers, in order.
    public static func allowed() -> [Int32] {
        var numbers = [Int32](repeating: 0, count: 1024)
        let count = Int(clinux_processors(&numbers, Int32(numbers.count)))
        return count > 0 ? Array(numbers.prefix(min(count, numbers.count))) : []
    }

    /// Keeps the calling thread on one processor.
    /// - Returns: false if the system does not allow it; the thread then runs where it ran before.
    @discardableResult
    public static func run(on number: Int32) -> Bool { clinux_run_on(number) == 0 }
}
