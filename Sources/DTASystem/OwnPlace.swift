import Glibc

/// The files and folders of a program's state, which the program must own. Others at their paths were put there by
/// mistake or by another user, and are neither used nor changed.
public enum OwnPlace {
    /// Makes a folder (0700) if there is nothing at its path; otherwise checks what is there.
    /// - Throws: `DTAError`: `failedPrecondition` if it is a link, no folder, another user's, or others may write to
    ///   it; `unavailable` if it cannot be made or checked.
    public static func makeFolder(_ path: String) throws(DTAError) {
        guard try !checkFolder(path) else { return }
        do {
            try systemCall("mkdir") { unsafe mkdir(path, 0o700) }
            try PositionedFile.syncDirectory(parentDirectory(of: path))
        } catch {
            throw unusable(path, error)
        }
    }

    /// Checks what is at a folder's path; it may be missing.
    /// - Returns: whether anything is there.
    /// - Throws: as `makeFolder`.
    @discardableResult
    public static func checkFolder(_ path: String) throws(DTAError) -> Bool {
        let found: stat?
        do { found = try status(path) } catch { throw unusable(path, error) }
        if let found, let fault = fault(ofFolder: found, path) { throw refusal(fault) }
        return found != nil
    }

    /// Checks what is at a file's path before it is used; it may be missing. This opens the file, so it must come
    /// before the process locks it: closing it would release the locks (fcntl(2)).
    /// - Throws: `DTAError`: `failedPrecondition` if it is a link, no file, or another user's, if it has a second name
    ///   (a hard link), or cannot be written; `unavailable` if it cannot be checked.
    public static func checkFile(_ path: String) throws(DTAError) {
        let found: stat?
        do { found = try status(path) } catch { throw unusable(path, error) }
        guard let found else { return }
        if let fault = FileKind.fault(found.st_mode) ?? owner(found) ?? names(found) {
            throw refusal("\(path) \(fault)")
        }
        let number = unsafe open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if number >= 0 {
            _ = Descriptor(owning: number)
        } else if [EPERM, EACCES, EROFS].contains(errno) {
            throw DTAError(
                .failedPrecondition, "\(path) cannot be written: \(errorText(errno))",
                hint: "look at its attributes (lsattr shows them), its permissions and its file system")
        } else {
            throw unusable(path, SystemCallError("open", errno: errno))
        }
    }

    private static func fault(ofFolder status: stat, _ path: String) -> String? {
        if let fault = FileKind.fault(status.st_mode, wanted: S_IFDIR) ?? owner(status) { return "\(path) \(fault)" }
        return status.st_mode & (S_IWGRP | S_IWOTH) == 0 ? nil : "others than its owner may write to \(path)"
    }

    private static func owner(_ status: stat) -> String? {
        status.st_uid == geteuid() ? nil : "belongs to uid \(status.st_uid)"
    }

    private static func names(_ status: stat) -> String? {
        status.st_nlink <= 1 ? nil : "has a second name (a hard link), by which others can reach it"
    }

    private static func unusable(_ path: String, _ error: any Error) -> DTAError {
        DTAError(.unavailable, "\(path) cannot be used: \(error)", hint: "look after that disk and its permissions")
    }

    private static func refusal(_ fault: String) -> DTAError {
        DTAError(
            .failedPrecondition, fault,
            hint: "move it away, and put back what was there; another disk is better mounted there than linked")
    }

    /// - Returns: nil if there is nothing.
    private static func status(_ path: String) throws -> stat? {
        var status = stat()
        if unsafe lstat(path, &status) == 0 { return status }
        guard errno == ENOENT || errno == ENOTDIR else { throw SystemCallError("lstat", errno: errno) }
        return nil
    }
}
