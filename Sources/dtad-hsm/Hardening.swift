import CLinux
import CustodyProtocol
import DTASystem
import Glibc

/// The rights that this process gives up before it holds a secret.
enum Hardening {
    /// No other process of this user may trace this one, and a crash leaves no core dump.
    static func closeMemory() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        guard clinux_set_dumpable(0) == 0, setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0 else {
            complain(DTAError(.internal, "this process' memory cannot be closed to others: \(errorText(errno))"))
            exit(Int32(CustodyExit.failed.rawValue))
        }
    }

    /// Nothing that this process touches is swapped out: secrets pass through ordinary memory too. If that is refused,
    /// the front and `dtad check` say so.
    static func lockMemory() {
        guard clinux_lock_memory() != 0 else { return }
        let why = "mlockall: \(errorText(errno)): memory that secrets pass through could be swapped out"
        SecretBytes.protectionShortfall.withLock { $0 = why }
    }

    /// It has no death signal for dtad's end: the signal could end it while SoftHSM writes the token's files, in place.
    /// It notices the end of the connection instead, between two requests.
    static func settle() throws {
        _ = clinux_set_no_new_privileges()
        // Writing shows that the front is gone; dtad handles Ctrl-C in a terminal.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGINT, SIG_IGN)
        // The parent may have blocked the signal that ends a call that hangs.
        var alarm = sigset_t()
        sigemptyset(&alarm)
        sigaddset(&alarm, SIGALRM)
        signal(SIGALRM, SIG_DFL)
        guard sigprocmask(SIG_UNBLOCK, &alarm, nil) == 0 else { throw SystemCallError("sigprocmask", errno: errno) }
    }
}
