import CLinux
import CustodyProtocol
import DTASystem
import Glibc

/// What this process gives up before it holds a secret.
enum Hardening {
    /// No other process of this user may look into this one, and a crash leaves no image of it.
    static func closeMemory() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        guard clinux_set_dumpable(0) == 0, setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0 else {
            complain(DTAError(.internal, "this process' memory cannot be closed to others: \(errorText(errno))"))
            exit(Int32(CustodyExit.failed.rawValue))
        }
    }

    /// Nothing that this process touches is swapped out: secrets pass through ordinary memory too. Where that is refused, the
    /// front and `dtad check` say so.
    static func lockMemory() {
        guard clinux_lock_memory() != 0 else { return }
        let why = "mlockall: \(errorText(errno)): memory that secrets pass through could be swapped out"
        SecretBytes.protectionShortfall.withLock { $0 = why }
    }

    /// There is no death signal for when dtad dies: it could hit in the middle of writing the token's files, and SoftHSM
    /// writes them in place. The end of the connection tells the same, between two requests.
    static func settle() throws {
        _ = clinux_set_no_new_privileges()
        // A front that has gone is seen when it is written to; Ctrl-C in a terminal is dtad's to handle.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGINT, SIG_IGN)
        // Whoever started this may have blocked the one signal that ends a call that hangs.
        var alarm = sigset_t()
        sigemptyset(&alarm)
        sigaddset(&alarm, SIGALRM)
        signal(SIGALRM, SIG_DFL)
        guard sigprocmask(SIG_UNBLOCK, &alarm, nil) == 0 else { throw SystemCallError("sigprocmask", errno: errno) }
    }
}
