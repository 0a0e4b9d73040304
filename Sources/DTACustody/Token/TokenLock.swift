import DTASystem
import Glibc

/// Serialises, between processes, operations that SoftHSM cannot do twice at a time: log-ins rewrite the token's file
/// and race, and concurrent generation fails. The kernel releases the lock when its holder ends, also by a crash.
struct TokenLock {
    let path: String

    /// Runs `body` while no other process holds the lock. Waiting is bounded by the alarm of the request, or of the
    /// start.
    func hold<Result>(_ body: () throws -> Result) throws -> Result {
        let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else {
            throw DTAError(
                .failedPrecondition, "the lock file \(path) cannot be opened: \(errorText(errno))",
                hint: "hsm.lock_file must be in a directory where dtad-hsm may write")
        }
        let file = Descriptor(owning: number)
        try systemCall("flock") { flock(file.number, LOCK_EX) }
        return try withExtendedLifetime(file) { try undisturbed(body) }
    }

    /// Delays signals that would end the process: SoftHSM writes the token's files in place, and a half-written file is
    /// lost.
    private func undisturbed<Result>(_ body: () throws -> Result) rethrows -> Result {
        var ends = sigset_t()
        var before = sigset_t()
        sigemptyset(&ends)
        for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&ends, signal) }
        sigprocmask(SIG_BLOCK, &ends, &before)
        defer { sigprocmask(SIG_SETMASK, &before, nil) }
        return try body()
    }
}
