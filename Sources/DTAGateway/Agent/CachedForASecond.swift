import DTASystem

/// A value from the agent that is kept for a second, so that health checks are not passed on to the agent each time.
final class CachedForASecond<Value: Sendable>: Sendable {
    private let state = Locked<(value: Value, asked: UInt64)?>(nil)
    private let nanoseconds: UInt64

    init(nanoseconds: UInt64 = 1_000_000_000) { self.nanoseconds = nanoseconds }

    /// - Parameter ask: asks the agent. Its errors are not remembered.
    func value(now: UInt64 = monotonicNanoseconds(), _ ask: () async throws -> Value) async throws -> Value {
        let known = state.withLock { state -> Value? in
            guard let state, now < state.asked + nanoseconds else { return nil }
            return state.value
        }
        if let known { return known }
        let value = try await ask()
        state.withLock { $0 = (value, now) }
        return value
    }
}
