import DTASystem

/// The time of day as the domain is told it. A test sets its own; the agent has the system's.
public struct WallClock: Sendable {
    private let read: @Sendable () -> Int64

    /// - Parameter read: Unix seconds.
    public init(_ read: @escaping @Sendable () -> Int64) { self.read = read }

    public static let system = WallClock { unixMicroseconds() / 1_000_000 }

    /// Unix seconds.
    var now: Int64 { read() }
}
