import DTASystem

/// The clock of the domain. Tests set their own; the agent uses the system's.
package struct WallClock: Sendable {
    private let read: @Sendable () -> Int64

    /// - Parameter read: Unix seconds.
    package init(_ read: @escaping @Sendable () -> Int64) { self.read = read }

    package static let system = WallClock { unixMicroseconds() / 1_000_000 }

    /// Unix seconds.
    package var now: Int64 { read() }
}
