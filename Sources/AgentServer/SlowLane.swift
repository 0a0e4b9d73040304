import DTASystem

/// A thread of its own for what is slow by nature, in turns of the users, so that a signature never waits for it.
public final class SlowLane: Sendable {
    private struct State {
        var jobs = FairQueue<@Sendable () -> Void>()
        var running = false
        var stopping = false
    }

    private let name: String
    private let state = Monitor(State())

    public init(name: String) { self.name = name }

    public func start() {
        Thread.start(name) { [self] in work() }
    }

    /// - Returns: false when the lane is stopping; the job then never runs.
    func submit(user: UInt32, _ job: @escaping @Sendable () -> Void) -> Bool {
        state.withLockSignalling {
            guard !$0.stopping else { return false }
            $0.jobs.append(job, user: user)
            return true
        }
    }

    public var isIdle: Bool { state.withLock { $0.jobs.isEmpty && !$0.running } }

    /// Takes nothing more; what waits is still done.
    public func stop() { state.withLockSignalling { $0.stopping = true } }

    private func work() {
        while let job = next() {
            job()
            state.withLock { $0.running = false }
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        enum Next {
            case job(@Sendable () -> Void)
            case end
        }
        let next: Next? = state.wait {
            if let job = $0.jobs.popFirst() {
                $0.running = true
                return .job(job)
            }
            return $0.stopping ? .end : nil
        }
        guard case .job(let job) = next else { return nil }
        return job
    }
}
