import CustodyProtocol
import DTASystem
import Logging

/// The HSM processes of an agent: those that all requests share, and, if the token allows that, one for the slow lane
/// alone and one for the lane in which RSA keys are made. The pools are made first; `start` starts the processes, and
/// the last one is started when it is needed first.
public final class CustodyPools: Sendable {
    let shared: CustodyPool
    private let ownOfSlowLane: CustodyPool
    private let slowLaneHasOwn = Locked(false)
    private let ownOfMakingLane: CustodyPool
    /// Starts the process of that lane, once; nil: it was started, or the lane has none of its own.
    private let startMaking = Locked<(@Sendable () -> Void)?>(nil)
    private let makingLaneHasOwn = Locked(false)
    /// Sent to the workers when requests wait for a process and one is idle.
    let kicks: Kick
    /// How many processes serve all requests, unless the token allows one session.
    public let processes: Int
    /// One for each of these processes, for it and a worker to stay on; or none.
    let processors: [Int32]
    private let deadline: UInt64

    /// - Parameters:
    ///   - processes: how many serve all requests.
    ///   - processors: one for each of them, for it and a worker to stay on. If there are more or fewer, they run
    ///     anywhere.
    ///   - deadline: how long a request waits for a process, in nanoseconds.
    public init(processes: Int, processors: [Int32] = [], deadline: UInt64, logger: Logger) throws {
        let kicks = try Kick()
        self.kicks = kicks
        self.processes = processes
        self.processors = processors.count == processes ? processors : []
        self.deadline = deadline
        shared = try CustodyPool(
            size: processes, processors: self.processors, logger: logger, kick: { kicks.send() })
        ownOfSlowLane = try CustodyPool(size: 1, logger: logger)
        ownOfMakingLane = try CustodyPool(size: 1, logger: logger)
    }

    /// Starts the processes in the background, and waits for the first one.
    /// - Parameters:
    ///   - patience: for how long, in nanoseconds; then this returns, and the start goes on.
    ///   - launch: starts one. One thread alone calls it until the first process is up.
    ///   - allowsOneSession: asked when the first process is up. If so, there is one process in all.
    /// - Throws: why the first start failed. The pool tries again, if it may.
    public func start(
        patience: UInt64, launch: @escaping CustodyPool.Launcher, allowsOneSession: @escaping @Sendable () -> Bool
    ) throws(CustodyLaunchError) {
        try shared.start(patience: patience, launch: launch) { [self] in
            if allowsOneSession() { return shared.shrink(to: 1) }
            slowLaneHasOwn.withLock { $0 = true }
            startMaking.withLock {
                $0 = { [ownOfMakingLane] in _ = try? ownOfMakingLane.start(patience: 0, launch: launch) }
            }
            // In the background: requests that need the process are told if the start fails.
            try? ownOfSlowLane.start(patience: 0, launch: launch)
        }
    }

    /// The pool of the slow lane. Until the first process is up, the reason is the same for all.
    private var slow: CustodyPool { slowLaneHasOwn.withLock { $0 } ? ownOfSlowLane : shared }

    /// The pool of the lane in which RSA keys are made. Its process is started by the first request: most agents make no
    /// such key.
    private var making: CustodyPool {
        if let start = startMaking.withLock({ $0.take() }) {
            start()
            makingLaneHasOwn.withLock { $0 = true }
        }
        return makingLaneHasOwn.withLock { $0 } ? ownOfMakingLane : slow
    }

    /// Waits for a process of a lane, as long as a request waits, and runs `body` with it.
    func withProcess<Result>(of lane: SlowLane, _ body: (CustodyAccess) throws -> Result) rethrows -> Result {
        let pool = lane == .making ? making : slow
        return try pool.withProcess(deadline: monotonicNanoseconds() + deadline, body)
    }

    /// The health of the processes that all requests share.
    public var health: CustodyPool.Health { shared.health }

    /// How many processes there are to be, those of the slow lanes included.
    public var count: Int { all.reduce(0) { $0 + $1.size } }

    /// How many of them are up.
    public var live: Int { all.reduce(0) { $0 + $1.health.live } }

    private var all: [CustodyPool] {
        [shared] + (slowLaneHasOwn.withLock { $0 } ? [ownOfSlowLane] : [])
            + (makingLaneHasOwn.withLock { $0 } ? [ownOfMakingLane] : [])
    }

    /// Makes every process forget an object that was deleted.
    public func forget(_ id: ObjectID) {
        for pool in all { pool.forget(id) }
    }

    /// Refuses jobs that waited for too long. To be called several times a second.
    func expire(_ now: UInt64) { shared.expire(before: now > deadline ? now - deadline : 0) }

    /// To be called when nothing runs any more.
    func stop() {
        shared.stop()
        ownOfSlowLane.stop()
        ownOfMakingLane.stop()
    }
}
