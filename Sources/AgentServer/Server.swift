import AgentProtocol
import DTASystem
import Glibc
import Logging

/// The workers: threads that share one epoll set and carry each request from its bytes to its answer.
///
/// There are as many workers as HSM processes, and a spare one. A worker that finds no process idle parks the request
/// and goes back to the set. The spare one steps in when all others have waited for the HSM for a few milliseconds. So
/// `status`, refusals and the watchdog work while every call to the HSM hangs. If it were always awake, it would take
/// processor time from the other workers.
public final class Server: Sendable {
    let handler: any RequestHandler
    let sources: CallerSources
    let logger: Logger
    let limits: ServerLimits
    let poller: Poller
    let custody: CustodyPools
    let pool: CustodyPool
    let lanes: Lanes
    private let ready = Locked(Ready())
    let registry: Registry
    let pace: Pace
    let listeners: [Listener]
    /// Listeners that could not accept, by their index: `tick` arms them again.
    let restingListeners = Locked<Set<Int>>([])
    /// Kept for answering when there is no other descriptor left.
    let spare: Locked<Descriptor?>
    let names: UserNames
    let notices = ConnectionNotices()
    private let pings: Kick
    let state = Locked(State())

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
    ///   - listeners: the sockets to which clients connect.
    ///   - custody: the HSM processes.
    ///   - lanes: for requests that a worker must not wait for.
    ///   - registry: for the connections.
    ///   - sources: what to ask about callers beside the kernel.
    public init(
        listeners: [Listener], handler: any RequestHandler, custody: CustodyPools, lanes: Lanes, registry: Registry,
        logger: Logger, sources: CallerSources = CallerSources()
    ) throws {
        self.listeners = listeners
        self.handler = handler
        self.custody = custody
        pool = custody.shared
        self.lanes = lanes
        self.registry = registry
        limits = registry.limits
        poller = registry.poller
        self.logger = logger
        self.sources = sources
        names = UserNames(sources.userName)
        pace = Pace(perSecond: limits.requestsPerSecond)
        spare = Locked(try eventDescriptor())
        pings = try Kick()
    }

    // MARK: Life

    /// Starts the workers.
    public func serve() throws(CustodyLaunchError) {
        lanes.start()
        Thread.start("pace") { [pace] in pace.run() }
        do {
            try poller.add(custody.kicks.descriptor.number, id: Server.kickID, events: Poller.readable)
            try poller.add(pings.descriptor.number, id: Server.pingID, events: Poller.readable)
            for (index, listener) in listeners.enumerated() {
                try setNonBlocking(listener.socket.number)
                try poller.add(
                    listener.socket.number, id: Server.firstListener + UInt64(index), events: Poller.readable)
            }
        } catch {
            throw CustodyLaunchError(reason: DTAError(error), mayRetry: false)
        }
        let processors = custody.processors
        for number in 0..<custody.processes {
            Thread.start("worker-\(number)") { [self] in
                let processor = number < processors.count ? processors[number] : nil
                if let processor { Processors.run(on: processor) }
                let worker = WorkerMemory(processor: processor)
                while true { turn(worker) }
            }
        }
        Thread.start("worker-spare") { [self] in stepIn() }
    }

    /// Refuses new requests, waits until none is in flight or `deadline` (monotonic) has passed, then closes all
    /// connections.
    /// - Returns: whether everything was finished.
    public func drain(deadline: UInt64) -> Bool {
        state.withLock { $0.draining = true }
        for lane in SlowLane.allCases { lanes[lane.name].stop() }
        var finished = false
        while !finished, monotonicNanoseconds() < deadline {
            for connection in registry.all { connection.giveUpWaits(.stopping) }
            finished = registry.isIdle && lanes.areIdle && pool.health.parked == 0
            if !finished { usleep(10_000) }
        }
        lanes.stop()
        pace.stop()
        for newcomer in registry.newcomers { dismiss(newcomer, Server.stopping) }
        for connection in registry.all { forgetConnection(connection) }
        custody.stop()
        return finished
    }

    /// To be called several times a second: closes stalled connections, refuses requests that waited for too long.
    public func tick() {
        let now = monotonicNanoseconds()
        custody.expire(now)
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
            connection.cutShort()
            forgetConnection(connection)
        }
    }

    /// Asks the workers for a sign of life; see `answeredPings`.
    public func ping() { pings.send() }

    /// How many signs of life the workers have given.
    public var answeredPings: UInt64 { state.withLock { $0.answeredPings } }

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
            // As long as the others wait, it does their other work.
            while true {
                let now = pool.progress
                guard now.isExhausted, now.completed == seen else { break }
                turn(worker, milliseconds: 5)
            }
        }
    }

    /// Takes all ready connections off the set, and serves one of the user whose turn it is. So a user with hundreds of
    /// busy connections delays another user's request by a few, and not by hundreds.
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
        // What came off the set is in the shared queue before this worker begins with anything that could occupy it.
        let left = ready.withLock { ready -> Bool in
            if waits { ready.sleepers -= 1 }
            for (connection, events) in arrived {
                ready.queue.append((connection, events), user: connection.account.uid)
            }
            return ready.queue.count > (own.isEmpty ? 1 : 0) && ready.sleepers > 0
        }
        // The rest of what this worker took is for workers that sleep.
        if left { custody.kicks.send() }
        for id in own { handle(id, worker) }
        let next = ready.withLock { $0.queue.popFirst() }
        if let (connection, events) = next { attend(connection, events, worker) }
    }

    /// The server's own events.
    private func handle(_ id: UInt64, _ worker: WorkerMemory) {
        switch id {
        case Server.kickID:
            custody.kicks.clear()
            poller.rearm(custody.kicks.descriptor.number, id: Server.kickID, events: Poller.readable)
            pool.runParked(habit: worker.habit)
        case Server.pingID:
            pings.clear()
            poller.rearm(pings.descriptor.number, id: Server.pingID, events: Poller.readable)
            state.withLock { $0.answeredPings += 1 }
        default: accept(Int(id - Server.firstListener), id: id)
        }
    }

    func forgetConnection(_ connection: Connection) {
        guard connection.close() else { return }
        registry.remove(connection)
        connection.giveUpWaits(.clientGone)
        guard connection.isCutShort, let conversation = connection.conversation else { return }
        _ = conversation.breakOff(
            because: DTAError(.invalidArgument, "the connection ended within a message"), isCutShort: true)
        pace.charge(connection.account, Pace.refusalPrice)
    }

    private func setNonBlocking(_ fd: Int32) throws {
        let flags = try systemCall("fcntl") { fcntl(fd, F_GETFL) }
        try systemCall("fcntl") { fcntl(fd, F_SETFL, flags | O_NONBLOCK) }
    }
}
