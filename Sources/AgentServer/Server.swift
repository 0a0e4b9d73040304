import AgentProtocol
import CLinux
import CustodyProtocol
import DTASystem
import Glibc
import Logging

/// The workers: threads that share one epoll set and carry each request from its bytes to its answer.
///
/// There are as many workers as HSM processes, and a spare one. A worker that finds no process idle parks the request and
/// goes back to the set. The spare one steps in when all others wait for the HSM and none has come back for a few
/// milliseconds, so `status`, refusals and the watchdog live while every call to the HSM hangs; were it always awake, it
/// would take turns from those who do the work.
public final class Server: Sendable {
    let handler: any RequestHandler
    let sources: CallerSources
    let logger: Logger
    let limits: ServerLimits
    let poller: Poller
    let pool: CustodyPool
    /// The slow lane's process, where the token allows it one of its own.
    private let ownSlowPool: CustodyPool
    private let sharesSlowProcess: @Sendable () -> Bool
    private let hasOwnSlowProcess = Locked(false)
    let lanes: Lanes
    private let ready = Locked(Ready())
    let deadline: UInt64
    let registry: Registry
    let pace: Pace
    let listeners: [Descriptor]
    /// Listeners that could not accept, by their index: `tick` arms them again.
    let restingListeners = Locked<Set<Int>>([])
    /// Kept for answering when there is no other descriptor left.
    let spare: Locked<Descriptor?>
    let names: UserNames
    let notices = ConnectionNotices()
    private let kicks: Kick
    private let pings: Kick
    let state = Locked(State())
    private let workers: Int
    private let processors: [Int32]

    /// Connections that have something to read or room to write, in turns of their users.
    private struct Ready {
        var queue = FairQueue<(Connection, UInt32)>()
        /// Workers that wait in the set and would not notice what is in `queue`.
        var sleepers = 0
    }

    struct State {
        var draining = false
        var answeredPings: UInt64 = 0
    }

    // Ids in the epoll set: 0 and 1 are our own events, then the listeners, then connections.
    private static let kickID: UInt64 = 0
    private static let pingID: UInt64 = 1
    static let firstListener: UInt64 = 2

    /// - Parameters:
    ///   - listeners: bound and listening sockets.
    ///   - lanes: where requests go that a worker must not wait for; for as many processes.
    ///   - processes: how many HSM processes serve keys.
    ///   - sharesSlowProcess: asked when the first process is up; true for a token that allows one session: the slow lane
    ///     then has no process of its own, and there is one in all.
    ///   - sources: what is asked about callers beside the kernel.
    ///   - processors: one for each HSM process, for it and a worker to stay on; or none.
    ///   - deadline: how long a request waits for an HSM process, in nanoseconds.
    public init(
        listeners: [Descriptor], handler: any RequestHandler, lanes: Lanes, limits: ServerLimits, processes: Int,
        processors: [Int32] = [], sharesSlowProcess: @escaping @Sendable () -> Bool, deadline: UInt64, logger: Logger,
        sources: CallerSources = CallerSources(), launch: @escaping CustodyPool.Launcher
    ) throws {
        self.sources = sources
        names = UserNames(sources.userName)
        pace = Pace(perSecond: limits.requestsPerSecond)
        spare = Locked(try eventDescriptor())
        self.listeners = listeners
        self.handler = handler
        self.limits = limits
        self.logger = logger
        self.deadline = deadline
        poller = try Poller()
        let kicks = try Kick()
        self.kicks = kicks
        pings = try Kick()
        self.processors = processors.count == processes ? processors : []
        pool = try CustodyPool(
            size: processes, processors: self.processors, logger: logger, launch: launch, kick: { kicks.send() })
        ownSlowPool = try CustodyPool(size: 1, logger: logger, launch: launch)
        self.sharesSlowProcess = sharesSlowProcess
        self.lanes = lanes
        registry = Registry(limits: limits, poller: poller)
        workers = processes
    }

    // MARK: Life

    /// Where the slow lane's jobs get a process: until the first one is up, the reason is the same for all.
    var slowPool: CustodyPool { hasOwnSlowProcess.withLock { $0 } ? ownSlowPool : pool }

    /// Starts the HSM processes in the background, and waits for the first one.
    /// - Parameter patience: for how long, in nanoseconds; then this returns, and the start goes on.
    /// - Throws: why the first start failed; it is tried again all the same, where it may be.
    public func startCustody(patience: UInt64 = 60_000_000_000) throws(CustodyLaunchError) {
        try pool.start(patience: patience) { [self] in
            if sharesSlowProcess() { return pool.shrink(to: 1) }
            hasOwnSlowProcess.withLock { $0 = true }
            // In the background: that it fails is told to those who want it.
            try? ownSlowPool.start(patience: 0)
        }
    }

    /// Starts the workers.
    public func serve() throws(CustodyLaunchError) {
        lanes.start()
        Thread.start("pace") { [pace] in pace.run() }
        do {
            try poller.add(kicks.descriptor.number, id: Server.kickID, events: Poller.readable)
            try poller.add(pings.descriptor.number, id: Server.pingID, events: Poller.readable)
            for (index, listener) in listeners.enumerated() {
                try setNonBlocking(listener.number)
                try poller.add(listener.number, id: Server.firstListener + UInt64(index), events: Poller.readable)
            }
        } catch {
            throw CustodyLaunchError(reason: DTAError(error), mayRetry: false)
        }
        for number in 0..<workers {
            Thread.start("worker-\(number)") { [self] in
                let processor = number < processors.count ? processors[number] : nil
                if let processor { Processors.run(on: processor) }
                let worker = WorkerMemory(processor: processor)
                while true { turn(worker) }
            }
        }
        Thread.start("worker-spare") { [self] in stepIn() }
    }

    /// Refuses new requests, waits until none is in flight or `deadline` (monotonic) has passed, then lets go of all.
    /// - Returns: whether everything was finished.
    public func drain(deadline: UInt64) -> Bool {
        state.withLock { $0.draining = true }
        lanes[.slow].stop()
        var finished = false
        while !finished, monotonicNanoseconds() < deadline {
            finished = registry.isIdle && lanes.areIdle && pool.health.parked == 0
            if !finished { usleep(10_000) }
        }
        lanes.stop()
        pace.stop()
        for newcomer in registry.newcomers { dismiss(newcomer, Server.stopping) }
        for connection in registry.all { forgetConnection(connection) }
        pool.stop()
        ownSlowPool.stop()
        return finished
    }

    /// To be called several times a second: cuts off who stalls, refuses what waited for too long.
    public func tick() {
        let now = monotonicNanoseconds()
        pool.expire(before: now > deadline ? now - deadline : 0)
        pace.tick(now)
        registry.forgetUsers(now)
        wakeListeners()
        dismissLateNewcomers(now)
        cutOffStalled(now)
        notices.log(now, logger)
    }

    private func cutOffStalled(_ now: UInt64) {
        let stall = limits.stallNanoseconds
        guard now > stall else { return }
        for connection in registry.all where connection.isStalled(since: now - stall) {
            notices.stalled.note(connection.caller.display)
            forgetConnection(connection)
        }
    }

    /// Asks the workers for a sign of life; see `answeredPings`.
    public func ping() { pings.send() }

    /// How many signs of life the workers have given.
    public var answeredPings: UInt64 { state.withLock { $0.answeredPings } }

    public var connections: Int { registry.count }
    /// Users who have one.
    public var users: Int { registry.users }
    /// What is taken of `ServerLimits.bufferedBytes`.
    public var bufferedBytes: Int { registry.budget.used }
    public var custody: CustodyPool.Health { pool.health }
    /// How many HSM processes there are to be, and how many of them are up, that of the slow lane included.
    public var processCount: Int { pool.size + (slowPool === pool ? 0 : slowPool.size) }
    public var liveProcesses: Int { pool.health.live + (slowPool === pool ? 0 : slowPool.health.live) }

    /// Makes every HSM process forget an object that was deleted.
    public func forget(_ id: ObjectID) {
        pool.forget(id)
        if slowPool !== pool { slowPool.forget(id) }
    }

    /// Runs housekeeping in the slow lane, where key management is: one thing at a time.
    /// - Returns: false where the agent is stopping; `body` never runs then.
    @discardableResult
    public func inSlowLane(_ body: @escaping @Sendable (CustodyAccess) -> Void) -> Bool {
        lanes[.slow].submit(user: getuid()) { [self] in
            slowPool.withProcess(deadline: monotonicNanoseconds() + deadline) { body($0) }
        }
    }

    // MARK: Work

    /// How long no HSM call may come back before the spare worker steps in.
    private static let patienceMicroseconds: UInt32 = 3000

    /// The spare worker.
    private func stepIn() {
        let worker = WorkerMemory()
        while true {
            pool.waitUntilExhausted()
            let seen = pool.progress.completed
            usleep(Server.patienceMicroseconds)
            // As long as nothing moves, it does what the others cannot.
            while true {
                let now = pool.progress
                guard now.isExhausted, now.completed == seen else { break }
                turn(worker, milliseconds: 5)
            }
        }
    }

    /// Takes all that is ready off the set, and attends to the connection of the user whose turn it is. So a user with
    /// hundreds of busy connections delays another's request by a few of his own, and not by hundreds.
    private func turn(_ worker: WorkerMemory, milliseconds: Int32 = -1) {
        let waits = ready.withLock { ready -> Bool in
            guard ready.queue.isEmpty else { return false }
            ready.sleepers += 1
            return true
        }
        var arrived: [(Connection, UInt32)] = []
        var own: [UInt64] = []
        poller.wait(milliseconds: waits ? milliseconds : 0) { id, events in
            if id < Registry.firstID {
                own.append(id)
            } else if let connection = registry.find(id) {
                arrived.append((connection, events))
            }
        }
        // What came off the set is everybody's before this worker begins with anything that could occupy it.
        let left = ready.withLock { ready -> Bool in
            if waits { ready.sleepers -= 1 }
            for (connection, events) in arrived {
                ready.queue.append((connection, events), user: connection.account.uid)
            }
            return ready.queue.count > (own.isEmpty ? 1 : 0) && ready.sleepers > 0
        }
        // What this worker took and cannot do at once is for those that sleep.
        if left { kicks.send() }
        for id in own { handle(id, worker) }
        let next = ready.withLock { $0.queue.popFirst() }
        if let (connection, events) = next { attend(connection, events, worker) }
    }

    /// The server's own events.
    private func handle(_ id: UInt64, _ worker: WorkerMemory) {
        switch id {
        case Server.kickID:
            kicks.clear()
            poller.rearm(kicks.descriptor.number, id: Server.kickID, events: Poller.readable)
            pool.runParked(habit: worker.habit)
        case Server.pingID:
            pings.clear()
            poller.rearm(pings.descriptor.number, id: Server.pingID, events: Poller.readable)
            state.withLock { $0.answeredPings += 1 }
        default: accept(Int(id - Server.firstListener), id: id)
        }
    }

    func forgetConnection(_ connection: Connection) {
        if connection.close() { registry.remove(connection) }
    }

    private func setNonBlocking(_ fd: Int32) throws {
        let flags = try systemCall("fcntl") { fcntl(fd, F_GETFL) }
        try systemCall("fcntl") { fcntl(fd, F_SETFL, flags | O_NONBLOCK) }
    }
}

/// An event that threads send to the workers.
final class Kick: Sendable {
    let descriptor: Descriptor

    init() throws {
        descriptor = try eventDescriptor()
    }

    func send() {
        var one: UInt64 = 1
        _ = write(descriptor.number, &one, 8)
    }

    func clear() {
        var count: UInt64 = 0
        _ = read(descriptor.number, &count, 8)
    }
}
