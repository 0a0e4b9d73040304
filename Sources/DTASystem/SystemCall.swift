import CLinux
import Glibc

/// A system call that failed: its name and errno.
public struct SystemCallError: Error, Sendable, Equatable, CustomStringConvertible {
    public let call: String
    public let errno: Int32

    public init(_ call: String, errno: Int32) {
        self.call = call
        self.errno = errno
    }

    public var description: String { "\(call): \(errorText(errno))" }
}

/// What `errno` means, in the words of the C library.
public func errorText(_ errno: Int32) -> String {
    guard let text = unsafe clinux_error_text(errno) else { return "error \(errno)" }
    return unsafe String(cString: text)
}

/// Calls `body` again while it is interrupted; throws if it answers -1.
@discardableResult
public func systemCall<Result: SignedInteger>(_ name: String, _ body: () -> Result) throws -> Result {
    while true {
        let result = body()
        if result != -1 { return result }
        if errno != EINTR { throw SystemCallError(name, errno: errno) }
    }
}

/// Monotonic time in nanoseconds, for durations and deadlines.
public func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.nanoseconds)
}

/// The same clock as it was at its last tick, some milliseconds ago: cheaper to read.
public func coarseNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return UInt64(time.nanoseconds)
}

/// The time of day in microseconds since 1970, for records.
public func unixMicroseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000
}
