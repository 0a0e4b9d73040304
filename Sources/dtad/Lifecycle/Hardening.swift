import CLinux
import DTASystem
import Glibc

/// The protections of a process before it handles secrets.
enum Hardening {
    /// - Returns: sentences about what was refused; empty if all is well.
    static func apply() -> [String] {
        var shortfalls: [String] = []
        // No core dumps, no ptrace by the same user, /proc/PID belongs to root. exec resets it.
        if clinux_set_dumpable(0) != 0 { shortfalls.append("PR_SET_DUMPABLE: \(errorText(errno))") }
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        if setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) != 0 {
            shortfalls.append("RLIMIT_CORE: \(errorText(errno))")
        }
        // As many connections as the system allows: the usual soft limit is for select(2).
        var files = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 {
            files.rlim_cur = files.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) != 0 {
                shortfalls.append("RLIMIT_NOFILE: \(errorText(errno))")
            }
        }
        signal(SIGPIPE, SIG_IGN)
        umask(0o077)
        return shortfalls
    }
}
