import DTASystem

/// A queue with threads of its own, in which users take turns. A signature never waits for its jobs.
final class Lane: Sendable {
    private struct State {
        var jobs = FairQueue<@Sendable () -> Void>()
        /// How many jobs of each user run.
        var running: [UInt32: Int] = [:]
        var stopping = false
    }

    private let name: String
    private let threads: Int
    /// How many of the threads one user may occupy.
    private let perUser: Int
    private let state = Monitor(State())

    /// - Parameter perUser: how many of the threads one user may occupy; nil: all.
    init(name: String, threads: Int = 1, perUser: Int? = nil) {
        self.name = name
        self.threads = threads
        self.perUser = perUser ?? threads
    }

    func start() {
        for number in 0..<threads {
            Thread.start(threads == 1 ? name : "\(name)-\(number)") { [self] in work() }
        }
    }

    /// - Parameter limit: how many jobs of this user there may be, waiting or running; nil: any number.
    /// - Returns: false when the lane is stopping, or the user has that many; the job then never runs.
    func submit(user: UInt32, atMost limit: Int? = nil, _ job: @escaping @Sendable () -> Void) -> Bool {
        state.withLockSignalling {
            guard !$0.stopping else { return false }
            if let limit, $0.jobs.count(of: user) + $0.running[user, default: 0] >= limit { return false }
            $0.jobs.append(job, user: user)
            return true
        }
    }

    var isIdle: Bool { state.withLock { $0.jobs.isEmpty && $0.running.isEmpty } }

    /// Takes no new jobs, and does those that wait.
    func stop() {
        for _ in 0..<threads { state.withLockSignalling { $0.stopping = true } }
    }

    private func work() {
        while let (user, job) = next() {
            job()
            // This thread looks for the next job at once, also for one that waited for this user's limit.
            state.withLock { state in
                let left = (state.running[user] ?? 1) - 1
                state.running[user] = left > 0 ? left : nil
            }
        }
    }

    private func next() -> (user: UInt32, job: @Sendable () -> Void)? {
        enum Next {
            case job(UInt32, @Sendable () -> Void)
            case end
        }
        let next: Next? = state.wait { state in
            if let (user, job) = state.jobs.popFirst(where: { state.running[$0, default: 0] < perUser }) {
                state.running[user, default: 0] += 1
                return .job(user, job)
            }
            return state.stopping ? .end : nil
        }
        guard case .job(let user, let job) = next else { return nil }
        return (user, job)
    }
}
