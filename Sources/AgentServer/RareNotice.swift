import DTASystem

/// An event that may happen very often and is logged at most once a minute, with a count.
final class RareNotice: Sendable {
    private static let pause: UInt64 = 60_000_000_000

    private struct State {
        var count = 0
        var last = ""
        var said: UInt64 = 0
    }

    private let state = Locked(State())

    /// - Parameter example: describes the last event.
    func note(_ example: String) {
        state.withLock {
            $0.count += 1
            $0.last = example
        }
    }

    /// To be called now and then: what is to be logged now.
    func due(_ now: UInt64) -> (count: Int, last: String)? {
        state.withLock { state in
            guard state.count > 0, state.said == 0 || now - min(state.said, now) >= RareNotice.pause else { return nil }
            defer {
                state.count = 0
                state.said = now
            }
            return (state.count, state.last)
        }
    }
}
