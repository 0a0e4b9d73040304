import AgentProtocol
import DTASystem
import Glibc

/// Ctrl-C, SIGTERM and SIGHUP in the middle of something long: what is half done is undone before the command ends by the
/// signal.
final class Interruption: Sendable {
    private let undoing = Locked<(@Sendable () -> Void)?>(nil)

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
            undoing.withLock { $0 }?()
            StandardError.clearLine()
            // Ended by the signal itself, so that a shell sees what it was.
            signal(number, SIG_DFL)
            unsafe pthread_sigmask(SIG_UNBLOCK, &waited, nil)
            kill(getpid(), number)
        }
    }

    /// Says what is to be undone from now on.
    func undo(_ body: (@Sendable () -> Void)?) { undoing.withLock { $0 = body } }
}
