import Glibc

/// Commands that root runs on another user's directory work as that user: what lies there may be that user's doing, and
/// is not to be followed with root's rights.
public enum Privileges {
    /// Becomes the owner of a directory for good, where this process is root's and the directory is not.
    /// - Throws: `DTAError.failedPrecondition` where it is no directory; `SystemCallError`.
    public static func become(ownerOf directory: String) throws {
        guard geteuid() == 0 else { return }
        var status = stat()
        guard unsafe lstat(directory, &status) == 0 else { throw SystemCallError("stat \(directory)", errno: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw DTAError(.failedPrecondition, "\(directory) is not a directory")
        }
        guard status.st_uid != 0 else { return }
        try systemCall("setgroups") { setgroups(0, nil) }
        // Of root's, these are the real, the effective and the saved ones: there is no way back.
        try systemCall("setgid") { setgid(status.st_gid) }
        try systemCall("setuid") { setuid(status.st_uid) }
    }
}
