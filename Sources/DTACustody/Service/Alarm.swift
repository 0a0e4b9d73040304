import Glibc

/// Ends this process when a call to the HSM hangs: nothing else can end a PKCS#11 call, and the front may not signal a
/// process of another user. SIGALRM keeps its default action, which needs no thread of this process to run.
public struct Alarm {
    /// The front gives up first, so that its clients are told of a deadline and not of a process that vanished.
    public static let margin = 250

    private let milliseconds: Int

    public init(milliseconds: Int) { self.milliseconds = milliseconds }

    public func arm() { set(milliseconds) }

    /// Gives a request that is known to be slow as much more time.
    public static func extend(byMilliseconds extra: Int) {
        var timer = itimerval()
        guard getitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer) == 0 else { return }
        // Not armed, as in commands.
        guard timer.it_value.tv_sec > 0 || timer.it_value.tv_usec > 0 else { return }
        timer.it_value.tv_sec += extra / 1000
        setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
    }

    public func disarm() { set(0) }

    private func set(_ milliseconds: Int) {
        var timer = itimerval()
        timer.it_value = timeval(tv_sec: milliseconds / 1000, tv_usec: (milliseconds % 1000) * 1000)
        setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
    }
}
