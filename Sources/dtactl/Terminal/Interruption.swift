import AgentProtocol
import DTASystem
import Glibc

/// Ctrl-C, SIGTERM and SIGHUP during a long operation: unfinished work is undone before the signal ends the command.
final class Interruption: Sendable {
    private let undoing = Locked<(@Sendable () -> Void)?>(nil)
    /// Whether a signal came; then its thread ends this process.
    private static let hasBegun = Locked(false)

    /// From here on a separate thread handles the signals. Once in a process.
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
            // The signal itself ends the process, so that a shell sees which it was.
            signal(number, SIG_DFL)
            unsafe pthread_sigmask(SIG_UNBLOCK, &waited, nil)
            kill(getpid(), number)
        }
    }

    /// If a signal came, waits for the end: failures caused by undoing are not reported.
    static func yield() {
        while hasBegun.withLock({ $0 }) { pause() }
    }

    /// Sets what must be undone from now on.
    func undo(_ body: (@Sendable () -> Void)?) { undoing.withLock { $0 = body } }
}
