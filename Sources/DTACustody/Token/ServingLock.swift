import CustodyProtocol
import DTASystem
import Glibc

/// Tells whether any dtad-hsm serves a front: each holds this lock, shared, as long as it lives. A command that needs
/// dtad to be stopped takes it exclusively.
public final class ServingLock: Sendable {
    private let file: Descriptor

    /// - Throws: `CustodyStartError` if such a command runs.
    public static func serving(_ options: HSMOptions) throws -> ServingLock {
        guard let lock = try ServingLock(options, LOCK_SH) else {
            throw CustodyStartError(
                DTAError(
                    .unavailable, "an administrator's command has the token for itself",
                    hint: "dtad goes on by itself when it is done"), .tokenAway)
        }
        return lock
    }

    /// - Throws: `DTAError.failedPrecondition` if a dtad-hsm serves.
    public static func alone(_ options: HSMOptions) throws -> ServingLock {
        guard let lock = try ServingLock(options, LOCK_EX) else {
            throw DTAError(
                .failedPrecondition, "dtad is running: a dtad-hsm serves it now",
                hint: "systemctl stop dtad.socket dtad-hsm.socket dtad.service 'dtad-hsm@*'")
        }
        return lock
    }

    /// - Returns: nil if another process holds it.
    private init?(_ options: HSMOptions, _ operation: Int32) throws {
        let path = options.lockFile + ".serving"
        let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else {
            throw CustodyStartError(
                DTAError(
                    .failedPrecondition, "the lock file \(path) cannot be opened: \(errorText(errno))",
                    hint: "hsm.lock_file must be in a directory where dtad-hsm may write"), .configuration)
        }
        file = Descriptor(owning: number)
        while flock(number, operation | LOCK_NB) != 0 {
            guard errno == EINTR else { return nil }
        }
    }
}
