import Glibc

/// The kind of a file that should be a regular one.
public enum FileKind {
    /// - Returns: what it is ("is a directory"); nil if it is a regular file, or if nothing is there. Links are not
    ///   followed.
    /// - Throws: `SystemCallError` if it cannot be found out.
    public static func fault(at path: String) throws(SystemCallError) -> String? {
        var status = stat()
        if unsafe lstat(path, &status) == 0 { return fault(status.st_mode) }
        guard errno == ENOENT else { throw SystemCallError("lstat(\(path))", errno: errno) }
        return nil
    }

    /// The same, of a file's mode.
    /// - Parameter wanted: what it is to be: `S_IFREG`, or `S_IFDIR`.
    public static func fault(_ mode: mode_t, wanted: mode_t = S_IFREG) -> String? {
        switch mode & S_IFMT {
        case wanted: nil
        case S_IFREG: "is no directory"
        case S_IFLNK: "is a symbolic link"
        case S_IFDIR: "is a directory"
        case S_IFIFO: "is a pipe"
        case S_IFSOCK: "is a socket"
        default: "is a device"
        }
    }
}
