import CLinux
import CustodyProtocol
import DTASystem
import Glibc
import Logging

/// HSM processes: a thread that needs one takes an idle one for itself, and gives it back. A job that finds none idle
/// is *parked*. The thread that gives a process back goes on with parked jobs first, so no thread waits or has to be
/// woken.
///
/// A broken process is replaced in the background. While there is none at all and none could be started, requests are
/// refused at once with the reason.
public final class CustodyPool: Sendable {
    public typealias Launcher = @Sendable () throws(CustodyLaunchError) -> any CustodyProcess

    struct State {
        var slots = CustodySlots()
        var supply: CustodySupply
        var parked = FairQueue<CustodyJob>()
        var drivers = CustodyDrivers()
        /// Threads in `withProcess`.
        var waiters = 0

        /// Why a request gets no process; nil: it may wait for one.
        var refusal: DTAError? { supply.refusal(isEmpty: slots.isEmpty) }
    }

    /// One for each process, or none: then they run anywhere.
    let processors: [Int32]
    let logger: Logger
    let state: Monitor<State>
    /// Whether the thread in `waitUntilExhausted` has to go on.
    let exhausted = Monitor(false)
    let wakeup: Descriptor
    /// Called when jobs are parked and a process came up: some worker must fetch them with `runParked`.
    let kick: @Sendable () -> Void

    init(
        size: Int, processors: [Int32] = [], logger: Logger, kick: @escaping @Sendable () -> Void = {}
    ) throws {
        state = Monitor(State(supply: CustodySupply(size: size)))
        self.processors = processors
        self.logger = logger
        self.kick = kick
        wakeup = try eventDescriptor()
    }

    // MARK: Life

    /// Starts the processes, in the background, and waits for the first one.
    /// - Parameters:
    ///   - patience: how long to wait for it, in nanoseconds; then this returns, and the start goes on.
    ///   - whenUp: called once, when the first process is up.
    /// - Throws: why the first start failed. The pool tries again in the background, if it may.
    func start(
        patience: UInt64, launch: @escaping Launcher, whenUp: @escaping @Sendable () -> Void = {}
    ) throws(CustodyLaunchError) {
        Thread.start("hsm-supervisor") { [self] in supervise(launch, whenUp) }
        enum Outcome {
            case up
            case failed(CustodyLaunchError)
        }
        let outcome: Outcome? = state.wait(until: monotonicNanoseconds() + patience) {
            $0.supply.hasStarted ? .up : $0.supply.firstFailure.map { .failed($0) }
        }
        if case .failed(let error) = outcome { throw error }
    }

    /// How many processes there should be.
    var size: Int { state.withLock { $0.supply.size } }

    /// Lowers the number of processes; to be called before the second one is started.
    func shrink(to size: Int) { state.withLock { $0.supply.size = size } }

    public struct Health: Sendable {
        public var live: Int
        public var idle: Int
        public var parked: Int
        public var outage: DTAError?
    }

    var health: Health {
        state.withLock {
            Health(
                live: $0.slots.count, idle: $0.slots.idleCount, parked: $0.parked.count, outage: $0.supply.outage)
        }
    }

    /// Ends all processes that are idle; to be called when nothing runs any more.
    func stop() {
        let (slots, parked) = state.withLockSignalling { state in
            state.supply.stop()
            return (state.slots.dropAll(), state.parked.removeAll { _ in true })
        }
        wake()
        for job in parked { job.refuse(Server.stopping) }
        for slot in slots { slot.process.end() }
    }

    // MARK: Use

    private enum Found {
        case slot(CustodySlot)
        case refused(DTAError)
    }

    /// Waits for a process and runs `body` with it. For threads that may wait: the slow lane.
    func withProcess<Result>(
        deadline: UInt64, _ body: (CustodyAccess) throws -> Result
    ) rethrows -> Result {
        state.withLock { $0.waiters += 1 }
        let found: Found? = state.wait(until: deadline) {
            if let slot = $0.slots.takeIdle() { return .slot(slot) }
            return $0.refusal.map { .refused($0) }
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

    /// Puts a process among the idle ones, after it has forgotten what it must; replaces a broken one.
    /// - Parameter driven: whether its thread is one of the `CustodyDrivers`.
    func giveBack(_ slot: CustodySlot, driven: Bool = false) {
        let isBroken = slot.process.isBroken
        var hasWaiters = false
        while true {
            let forgets: [ObjectID] = state.withLock {
                if let forgets = $0.slots.takeNotes(of: slot), !isBroken { return forgets }
                if driven { $0.drivers.end() }
                if isBroken {
                    $0.slots.drop(slot)
                    if !slot.process.mayBeReplaced { $0.supply.refusePIN() }
                } else {
                    $0.slots.putBack(slot)
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

    /// Makes every process forget an object: each when it is idle, and one after the other, so that one that hangs
    /// keeps none of the others from work.
    func forget(_ id: ObjectID) {
        state.withLock { $0.slots.note(id) }
        while let slot = state.withLock({ $0.slots.takeIdleWithNotes() }) { giveBack(slot) }
        kick()
    }
}
