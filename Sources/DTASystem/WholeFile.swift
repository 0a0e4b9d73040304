import Glibc

/// Files that are there whole or not at all.
public enum WholeFile {
    /// Puts a file (0600) in the place of what is at a path, or makes it: it is written beside it, and takes the path when
    /// it is on the disk, as its name is when this returns.
    /// - Parameters:
    ///   - draft: the path under which it is written, in the same folder. Nothing may be there.
    ///   - write: writes what it holds.
    /// - Returns: the file, open for writing.
    /// - Throws: `SystemCallError`, and what `write` throws; nothing is left of the draft then.
    @discardableResult
    public static func replace(
        _ path: String, by draft: String, _ write: (Descriptor) throws -> Void
    ) throws -> Descriptor {
        let file = Descriptor(
            owning: try systemCall("open(\(NativeText.shown(draft)))") {
                unsafe open(NativeText.path(draft), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            })
        do {
            try write(file)
            try systemCall("fsync") { fsync(file.number) }
            try systemCall("rename") { unsafe rename(NativeText.path(draft), NativeText.path(path)) }
        } catch {
            unsafe unlink(NativeText.path(draft))
            throw error
        }
        try PositionedFile.syncDirectory(parentDirectory(of: path))
        return file
    }
}
