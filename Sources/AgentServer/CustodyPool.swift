import CLinux
import CustodyProtocol
import DTASystem
import Glibc
import Logging

/// One dtad-hsm, as the front has it: the connection, and the means to end the process where there are any.
public protocol CustodyProcess: AnyObject, Sendable {
    var custodian: any Custodian { get }
    /// Whether the connection can no longer be used: the process died, hung or spoke nonsense.
    var isBroken: Bool { get }
    /// Whether another one may be started in its place. A wrong PIN is never tried twice.
    var mayBeReplaced: Bool { get }
    /// For noticing that the process is gone while it is idle.
    var socket: Int32 { get }
    /// Keeps the process on one processor, if it can be.
    func settle(on processor: Int32)
    /// Ends the process, or at least the connection to it.
    func end()
}

/// A dtad-hsm that did not start.
public struct CustodyLaunchError: Error {
    public var reason: DTAError
    /// A wrong PIN is never tried twice: real HSMs destroy keys after a few.
    public var mayRetry: Bool

    public init(reason: DTAError, mayRetry: Bool) {
        self.reason = reason
        self.mayRetry = mayRetry
    }
}

/// The HSM processes: who needs one takes an idle one, alone, and gives it back. What finds none idle is *parked*; whoever
/// gives a process back goes on with what is parked first, so no thread waits and none is woken for it.
///
/// A broken process is replaced in the background. While there is none at all and none could be started, requests are
/// refused at once with the reason.
public final class CustodyPool: Sendable {
    public typealias Launcher = @Sendable () throws(CustodyLaunchError) -> any CustodyProcess

    /// Work that waits for a process. `run` is called exactly once, and what it answers is run when the process is free.
    public struct Job: Sendable {
        public typealias Rest = @Sendable () -> Void
        let user: UInt32
        let since: UInt64
        let run: @Sendable (CustodyAccess) -> Rest

        public init(user: UInt32, run: @escaping @Sendable (CustodyAccess) -> Rest) {
            self.user = user
            self.since = monotonicNanoseconds()
            self.run = run
        }
    }

    final class Slot: Sendable {
        let process: any CustodyProcess
        /// Where it runs; nil: anywhere.
        let processor: Int32?

        init(_ process: any CustodyProcess, processor: Int32?) {
            self.process = process
            self.processor = processor
        }
    }

    /// What a thread remembers between its jobs: the process that it used last. A pair that stays together finds its data
    /// in the same core's cache, and wakes each other there.
    final class Habit {
        fileprivate var last: Slot?
        /// The processor that the thread stays on: it prefers the process that is there too.
        let processor: Int32?

        init(processor: Int32? = nil) { self.processor = processor }
    }

    struct State {
        var idle: [Slot] = []
        /// All processes that are up, idle or busy.
        var live: [ObjectIdentifier: Slot] = [:]
        /// Objects that a process has yet to forget, for those that were busy.
        var forgets: [ObjectIdentifier: [ObjectID]] = [:]
        var parked = FairQueue<Job>()
        /// Threads in `withProcess`.
        var waiters = 0
        /// Threads in `drive`: workers that wait for the HSM.
        var driving = 0
        /// Jobs that were run, ever.
        var completed: UInt64 = 0
        /// Whether somebody is in `waitUntilExhausted`.
        var isWatched = false
        /// How many processes there are to be.
        var size: Int
        /// When the start began that is under way.
        var starting: UInt64?
        /// Why the last start failed, or takes so long; nil after one that did not.
        var outage: DTAError?
        /// The first start's error, for `start`.
        var firstFailure: CustodyLaunchError?
        /// Whether there was a process at any time.
        var hasStarted = false
        var mayRetry = true
        var stopping = false
    }

    /// One for each process, or none: then they run anywhere.
    let processors: [Int32]
    let logger: Logger
    let state: Monitor<State>
    private let exhausted = Monitor(false)
    let wakeup: Descriptor
    /// Called when jobs are parked and a process came up: some worker must fetch them with `runParked`.
    let kick: @Sendable () -> Void

    init(
        size: Int, processors: [Int32] = [], logger: Logger, kick: @escaping @Sendable () -> Void = {}
    ) throws {
        state = Monitor(State(size: size))
        self.processors = processors
        self.logger = logger
        self.kick = kick
        wakeup = try eventDescriptor()
    }

    /// Starts the processes, in the background, and waits for the first one.
    /// - Parameters:
    ///   - patience: how long to wait for it, in nanoseconds; then this returns, and the start goes on.
    ///   - whenUp: called once, when the first process is up.
    /// - Throws: why the first start failed. It is tried again in the background all the same, where it may be.
    func start(
        patience: UInt64, launch: @escaping Launcher, whenUp: @escaping @Sendable () -> Void = {}
    ) throws(CustodyLaunchError) {
        Thread.start("hsm-supervisor") { [self] in supervise(launch, whenUp) }
        enum Outcome {
            case up
            case failed(CustodyLaunchError)
        }
        let outcome: Outcome? = state.wait(until: monotonicNanoseconds() + patience) {
            $0.hasStarted ? .up : $0.firstFailure.map { .failed($0) }
        }
        if case .failed(let error) = outcome { throw error }
    }

    /// How many processes there are to be.
    var size: Int { state.withLock { $0.size } }

    /// Makes do with fewer processes; to be called before the second one is started.
    func shrink(to size: Int) { state.withLock { $0.size = size } }

    // MARK: Use

    /// Runs `job` on this thread with an idle process, and then whatever is parked; or parks it; or refuses it at once.
    func run(_ job: Job, habit: Habit) {
        if start(job, habit) { runParked(habit: habit) }
    }

    /// The same, but what is parked is left to the workers: for a thread that has other work of its own.
    func runOnce(_ job: Job) {
        if start(job, Habit()), state.withLock({ !$0.parked.isEmpty && !$0.idle.isEmpty }) { kick() }
    }

    /// - Returns: whether a process was used.
    private func start(_ job: Job, _ habit: Habit) -> Bool {
        enum Next {
            case use(Slot, Job)
            case parked
            case refused(DTAError)
        }
        var alert = false
        let next: Next = state.withLock {
            if let refusal = $0.idle.isEmpty ? refusal(&$0) : nil { return .refused(refusal) }
            if $0.idle.isEmpty || !$0.parked.isEmpty { $0.parked.append(job, user: job.user) }
            guard let slot = takeIdle(&$0, habit) else { return .parked }
            alert = startDriving(&$0)
            return .use(slot, $0.parked.popFirst() ?? job)
        }
        if alert { exhausted.withLockSignalling { $0 = true } }
        switch next {
        case .use(let slot, let next):
            drive(slot, next)
            return true
        case .refused(let reason): job.run(.failure(reason))()
        case .parked: break
        }
        return false
    }

    /// Leaves `job` to the workers, for a thread that must not wait for the HSM itself; or refuses it at once.
    func park(_ job: Job) {
        let reason = state.withLock { state -> DTAError? in
            if let reason = state.idle.isEmpty ? refusal(&state) : nil { return reason }
            state.parked.append(job, user: job.user)
            return nil
        }
        if let reason { job.run(.failure(reason))() } else { kick() }
    }

    /// Goes on with what is parked, if a process is idle.
    func runParked(habit: Habit = Habit()) {
        while true {
            var alert = false
            let next: (Slot, Job)? = state.withLock {
                guard !$0.idle.isEmpty, let job = $0.parked.popFirst(), let slot = takeIdle(&$0, habit) else {
                    return nil
                }
                alert = startDriving(&$0)
                return (slot, job)
            }
            if alert { exhausted.withLockSignalling { $0 = true } }
            guard let (slot, job) = next else { return }
            drive(slot, job)
        }
    }

    private enum Found {
        case slot(Slot)
        case refused(DTAError)
    }

    /// Waits for a process and runs `body` with it. For threads that may wait: the slow lane.
    func withProcess<Result>(
        deadline: UInt64, _ body: (CustodyAccess) throws -> Result
    ) rethrows -> Result {
        state.withLock { $0.waiters += 1 }
        let found: Found? = state.wait(until: deadline) {
            if let slot = $0.idle.popLast() { return .slot(slot) }
            return refusal(&$0).map { .refused($0) }
        }
        state.withLock { $0.waiters -= 1 }
        switch found {
        case .slot(let slot):
            defer {
                giveBack(slot)
                runParked()
            }
            return try body(.success(slot.process.custodian))
        case .refused(let reason): return try body(.failure(reason))
        case nil: return try body(.failure(CustodyPool.busy))
        }
    }

    static let busy = DTAError(
        .unavailable, "the HSM did not come to this request in time", hint: "it is slow or overloaded: try again later")

    static let silence = DTAError(
        .unavailable, "the HSM's process is being started and has not answered yet",
        hint: "the HSM, or what leads to it, may hang; dtad goes on by itself when it answers")

    static let refusedPIN = DTAError(
        .unavailable, "the token refused the PIN, which is not tried again",
        hint: "mend the PIN and restart dtad; some HSMs destroy their keys after a few wrong ones")

    private func refusal(_ state: inout State) -> DTAError? {
        if state.stopping { return DTAError(.unavailable, "the agent is stopping") }
        guard state.live.isEmpty, let outage = state.outage else { return nil }
        return outage
    }

    private func takeIdle(_ state: inout State, _ habit: Habit) -> Slot? {
        if let processor = habit.processor, let index = state.idle.firstIndex(where: { $0.processor == processor }) {
            return state.idle.remove(at: index)
        }
        if let last = habit.last, let index = state.idle.firstIndex(where: { $0 === last }) {
            return state.idle.remove(at: index)
        }
        habit.last = state.idle.popLast()
        return habit.last
    }

    /// Runs a job with a process, gives the process back, and only then does what is left of the job.
    private func drive(_ slot: Slot, _ job: Job) {
        let rest = job.run(.success(slot.process.custodian))
        giveBack(slot, driven: true)
        rest()
    }

    /// - Returns: whether whoever is in `waitUntilExhausted` has to be told.
    private func startDriving(_ state: inout State) -> Bool {
        state.driving += 1
        guard state.isWatched, state.driving >= state.size else { return false }
        state.isWatched = false
        return true
    }

    // Threads that wait for the HSM without harm are as many as processes: fewer cannot keep it busy, and when all wait,
    // somebody else must step in.

    /// Waits until as many threads as there are processes wait for the HSM.
    func waitUntilExhausted() {
        if state.withLock({
            $0.isWatched = $0.driving < $0.size
            return !$0.isWatched
        }) {
            return
        }
        _ = exhausted.wait { told -> Bool? in
            guard told else { return nil }
            told = false
            return true
        }
    }

    /// Whether as many threads as there are processes wait for the HSM, and how many jobs were done so far.
    var progress: (isExhausted: Bool, completed: UInt64) {
        state.withLock { ($0.driving >= $0.size, $0.completed) }
    }

    /// Puts a process among the idle ones, after it has forgotten what it has to; a broken one is replaced.
    private func giveBack(_ slot: Slot, driven: Bool = false) {
        let key = ObjectIdentifier(slot)
        let isBroken = slot.process.isBroken
        var hasWaiters = false
        while true {
            let forgets: [ObjectID] = state.withLock {
                if let forgets = $0.forgets.removeValue(forKey: key), !isBroken { return forgets }
                if driven {
                    $0.driving -= 1
                    $0.completed &+= 1
                }
                if isBroken {
                    $0.live[key] = nil
                    if !slot.process.mayBeReplaced {
                        $0.mayRetry = false
                        $0.outage = CustodyPool.refusedPIN
                    }
                } else {
                    $0.idle.append(slot)
                }
                hasWaiters = $0.waiters > 0
                return []
            }
            if forgets.isEmpty { break }
            for id in forgets { try? slot.process.custodian.ask(ForgetObject(id: id)) }
        }
        if isBroken {
            slot.process.end()
            wake()
        } else if hasWaiters {
            state.withLockSignalling { _ in }
        }
    }

    /// Makes every process forget an object: each when it is idle, and one after the other, so that one that hangs keeps
    /// none of the others from work.
    func forget(_ id: ObjectID) {
        state.withLock { for key in $0.live.keys { $0.forgets[key, default: []].append(id) } }
        while true {
            let slot: Slot? = state.withLock { state in
                let index = state.idle.firstIndex { state.forgets[ObjectIdentifier($0)] != nil }
                return index.map { state.idle.remove(at: $0) }
            }
            guard let slot else { break }
            giveBack(slot)
        }
        kick()
    }

    /// Refuses what was parked before `moment`.
    func expire(before moment: UInt64) {
        let expired = state.withLock { state in
            // Whoever asks from now on is told at once, and not when his time is over.
            if state.live.isEmpty, state.outage == nil, let since = state.starting, since < moment {
                state.outage = CustodyPool.silence
            }
            return state.parked.removeAll { $0.since < moment }
        }
        for job in expired { job.run(.failure(CustodyPool.busy))() }
    }

    public struct Health: Sendable {
        public var live: Int
        public var idle: Int
        public var parked: Int
        public var outage: DTAError?
    }

    var health: Health {
        state.withLock { Health(live: $0.live.count, idle: $0.idle.count, parked: $0.parked.count, outage: $0.outage) }
    }

    // MARK: Life

    /// Ends all processes that are idle; to be called when nothing runs any more.
    func stop() {
        let (slots, parked) = state.withLockSignalling { state in
            state.stopping = true
            defer {
                state.idle = []
                state.live = [:]
            }
            return (Array(state.live.values), state.parked.removeAll { _ in true })
        }
        wake()
        for job in parked { job.run(.failure(DTAError(.unavailable, "the agent is stopping")))() }
        for slot in slots { slot.process.end() }
    }
}
