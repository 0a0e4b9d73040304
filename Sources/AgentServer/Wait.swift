import DTASystem

/// A request that waits for something that no thread waits for, such as a person's decision. It counts among its user's
/// requests, and holds no worker, no lane and no lock. It goes on once: when the domain says so, or when it is given up,
/// because its client went away or the agent stops.
public final class Wait: Sendable {
    /// Why it is given up.
    public enum End: Sendable {
        case clientGone, stopping

        public var error: DTAError {
            switch self {
            case .clientGone: DTAError(.unavailable, "the client went away")
            case .stopping: Server.stopping
            }
        }
    }

    private struct State {
        var isOver = false
        /// How it goes on, if that was decided before the server knew of the wait.
        var step: Step?
        var proceed: (@Sendable (Step) -> Void)?
    }

    private let state = Locked(State())
    private let givenUp: @Sendable (End) -> Step

    /// - Parameter givenUp: answers how the request goes on if it is given up.
    public init(givenUp: @escaping @Sendable (End) -> Step) { self.givenUp = givenUp }

    /// Goes on with the request, on this thread, which holds no lock.
    /// - Parameter step: answers how; it is not called if the request went on before.
    public func resume(_ step: () -> Step) {
        let isFirst = state.withLock { state in
            defer { state.isOver = true }
            return !state.isOver
        }
        guard isFirst else { return }
        let next = step()
        let proceed = state.withLock { state in
            if state.proceed == nil { state.step = next }
            defer { state.proceed = nil }
            return state.proceed
        }
        proceed?(next)
    }

    func giveUp(_ end: End) { resume { givenUp(end) } }

    /// Says how the server goes on. It is called once, maybe at once.
    func begin(_ proceed: @escaping @Sendable (Step) -> Void) {
        let step = state.withLock { state in
            if state.step == nil { state.proceed = proceed }
            return state.step
        }
        if let step { proceed(step) }
    }
}
