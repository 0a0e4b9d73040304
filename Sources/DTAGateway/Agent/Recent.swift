import DTASystem

/// Something that the agent said, at most a second ago: what programs ask again and again to see whether we live is not
/// passed on to it each time.
final class Recent<Value: Sendable>: Sendable {
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
