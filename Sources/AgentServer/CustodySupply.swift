import DTASystem

/// How many processes a pool should have, and how their starts went.
struct CustodySupply {
    /// How many there are to be.
    var size: Int
    /// When the start began that is under way.
    private var starting: UInt64?
    /// Why the last start failed, or takes so long; nil after one that did not.
    private(set) var outage: DTAError?
    /// The first start's error.
    private(set) var firstFailure: CustodyLaunchError?
    /// Whether there was a process at any time.
    private(set) var hasStarted = false
    private(set) var mayRetry = true
    private(set) var isStopping = false

    init(size: Int) { self.size = size }

    mutating func starts() { starting = monotonicNanoseconds() }

    /// A process is up.
    /// - Returns: whether it is the first one ever.
    mutating func started() -> Bool {
        outage = nil
        starting = nil
        defer { hasStarted = true }
        return !hasStarted
    }

    /// - Returns: whether the reason is another one than before.
    mutating func failed(_ error: CustodyLaunchError) -> Bool {
        defer {
            outage = error.reason
            starting = nil
            mayRetry = error.mayRetry
            if firstFailure == nil { firstFailure = error }
        }
        return outage != error.reason
    }

    /// A process is gone, and none may take its place.
    mutating func refusePIN() {
        mayRetry = false
        outage = CustodySupply.refusedPIN
    }

    /// If the current start began before `moment`, requests are told so at once, and not after their time limit.
    mutating func noticeSilence(before moment: UInt64) {
        if outage == nil, let since = starting, since < moment { outage = CustodySupply.silence }
    }

    mutating func stop() { isStopping = true }

    /// Why a request gets no process; nil: it may wait for one.
    /// - Parameter isEmpty: whether no process is up.
    func refusal(isEmpty: Bool) -> DTAError? {
        if isStopping { return Server.stopping }
        return isEmpty ? outage : nil
    }

    private static let silence = DTAError(
        .unavailable, "the HSM's process is being started and has not answered yet",
        hint: "the HSM, or what leads to it, may hang; dtad goes on by itself when it answers")

    private static let refusedPIN = DTAError(
        .unavailable, "the token refused the PIN, which is not tried again",
        hint: "correct the PIN and restart dtad; some HSMs destroy their keys after a few wrong ones")
}
