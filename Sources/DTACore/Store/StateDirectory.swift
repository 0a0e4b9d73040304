import DTASystem
import Glibc

/// The directory with all of the agent's state: `state.sqlite` with its `-wal` and `-shm`, `audit/`, `segments/` and
/// `lock`. One agent at a time has it: the lock lasts as long as this value.
package final class StateDirectory: Sendable {
    package let path: String
    private let lock: Descriptor
    /// The facts of the locked file.
    private let taken: FileFacts?

    /// Takes the directory. It must exist, and only its owner may have write permission.
    /// - Throws: `DTAError`: `notFound`; `failedPrecondition` if others may write to it, or another agent uses it.
    package init(_ path: String) throws {
        self.path = path
        try StateDirectory.check(path)
        let number = unsafe open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else {
            throw DTAError(.unavailable, "the state directory \(path) cannot be locked: \(errorText(errno))")
        }
        lock = Descriptor(owning: number)
        guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
            throw DTAError(
                .failedPrecondition, "another dtad runs on the state directory \(path)",
                hint: "stop it first, or give this one a directory of its own")
        }
        taken = FileFacts.of("\(path)/lock")
    }

    /// Checks whether an agent of this user could take a directory, if no other agent has it.
    /// - Throws: as `init`.
    package static func check(_ path: String) throws {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw DTAError(
                .notFound, "the state directory \(path) cannot be used: \(errorText(errno))",
                helps: .makeState)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw DTAError(.failedPrecondition, "the state directory \(path) is not a directory")
        }
        // Root would leave files there that the owner cannot use, and follow links that the owner made.
        guard status.st_uid == geteuid() else {
            throw DTAError(
                .failedPrecondition,
                "the state directory \(path) belongs to \(UserDatabase.caller(uid: status.st_uid).display), and this runs as "
                    + UserDatabase.caller(uid: geteuid()).display,
                hint: "run dtad as the owner of its state")
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw DTAError(
                .failedPrecondition, "others than its owner may write to the state directory \(path)",
                hint: "chmod go-w \(path)")
        }
        try OwnPlace.checkFile("\(path)/lock")
    }

    /// Why another dtad could take the directory too; nil if none can.
    var fault: String? {
        guard let taken, FileFacts.of("\(path)/lock")?.isSameFile(as: taken) != true else { return nil }
        return "\(path)/lock was removed or replaced"
    }

    // MARK: A new state

    /// The file with which an administrator permits a new state although the token has keys of another one.
    private static func permission(_ path: String) -> String { "\(path)/begin-anew" }

    /// Whether the file exists.
    package static func mayBeginAnew(_ path: String) -> Bool { FileFacts.of(permission(path)) != nil }

    package var mayBeginAnew: Bool { StateDirectory.mayBeginAnew(path) }

    /// The permission is used once.
    package func endPermission() { unsafe unlink(StateDirectory.permission(path)) }
}
