import AgentProtocol
import DTASystem
import Glibc

/// Ctrl-C, SIGTERM and SIGHUP in the middle of something long: what is half done is undone before the command ends by the
/// signal.
final class Interruption: Sendable {
    private let undoing = Locked<(@Sendable () -> Void)?>(nil)
    /// Whether a signal came, and its thread ends this process.
    private static let hasBegun = Locked(false)

    /// From here on the signals belong to a thread of their own. Once in a process.
    init() throws {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&signals, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        let waited = signals
        try startThread { [undoing] in
            var waited = waited
            var number: Int32 = 0
            while unsafe sigwait(&waited, &number) != 0 {}
            Interruption.hasBegun.withLock { $0 = true }
            undoing.withLock { $0 }?()
            StandardError.clearLine()
            // Ended by the signal itself, so that a shell sees what it was.
            signal(number, SIG_DFL)
            unsafe pthread_sigmask(SIG_UNBLOCK, &waited, nil)
            kill(getpid(), number)
        }
    }

    /// Where a signal came, waits for the end: what fails because something is being undone is nothing to tell about.
    static func yield() {
        while hasBegun.withLock({ $0 }) { pause() }
    }

    /// Says what is to be undone from now on.
    func undo(_ body: (@Sendable () -> Void)?) { undoing.withLock { $0 = body } }
}
