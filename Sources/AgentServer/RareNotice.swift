import DTASystem

/// Something that may happen very often and is said once a minute at most, with how often it was.
final class RareNotice: Sendable {
    private static let pause: UInt64 = 60_000_000_000

    private struct State {
        var count = 0
        var last = ""
        var said: UInt64 = 0
    }

    private let state = Locked(State())

    /// - Parameter example: what the last one was.
    func note(_ example: String) {
        state.withLock {
            $0.count += 1
            $0.last = example
        }
    }

    /// To be called now and then: what is to be said now.
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
