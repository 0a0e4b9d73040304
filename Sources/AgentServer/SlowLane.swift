import DTASystem

/// Threads of its own, mostly one, for what is slow by nature, in turns of the users, so that a signature never waits
/// for it.
public final class SlowLane: Sendable {
    private struct State {
        var jobs = FairQueue<@Sendable () -> Void>()
        var running = 0
        var stopping = false
    }

    private let name: String
    private let threads: Int
    private let state = Monitor(State())

    public init(name: String, threads: Int = 1) {
        self.name = name
        self.threads = threads
    }

    public func start() {
        for number in 0..<threads {
            Thread.start(threads == 1 ? name : "\(name)-\(number)") { [self] in work() }
        }
    }

    /// - Returns: false when the lane is stopping; the job then never runs.
    func submit(user: UInt32, _ job: @escaping @Sendable () -> Void) -> Bool {
        state.withLockSignalling {
            guard !$0.stopping else { return false }
            $0.jobs.append(job, user: user)
            return true
        }
    }

    public var isIdle: Bool { state.withLock { $0.jobs.isEmpty && $0.running == 0 } }

    /// Takes nothing more; what waits is still done.
    public func stop() {
        for _ in 0..<threads { state.withLockSignalling { $0.stopping = true } }
    }

    private func work() {
        while let job = next() {
            job()
            state.withLock { $0.running -= 1 }
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        enum Next {
            case job(@Sendable () -> Void)
            case end
        }
        let next: Next? = state.wait {
            if let job = $0.jobs.popFirst() {
                $0.running += 1
                return .job(job)
            }
            return $0.stopping ? .end : nil
        }
        guard case .job(let job) = next else { return nil }
        return job
    }
}
