import Glibc

/// Ends this process when a call to the HSM hangs: nothing else can end a PKCS#11 call, and the front may not signal a
/// process of another user. SIGALRM keeps its default action, which needs no thread of this process to run.
public struct Alarm {
    /// The front gives up first, so that its clients are told of a deadline and not of a process that vanished.
    public static let margin = 250

    private let milliseconds: Int

    public init(milliseconds: Int) { self.milliseconds = milliseconds }

    public func arm() { set(milliseconds) }

    public func disarm() { set(0) }

    private func set(_ milliseconds: Int) {
        var timer = itimerval()
        timer.it_value = timeval(tv_sec: milliseconds / 1000, tv_usec: (milliseconds % 1000) * 1000)
        setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
    }
}
