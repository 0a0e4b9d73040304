import DTASystem
import Glibc

/// What the kernel says about a file without reading it. While this does not change, the content does not either: a
/// process that writes to a file, links it or changes its owner changes its times, and cannot set back the last of
/// them.
package struct FileFacts: Sendable, Equatable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    /// Nanoseconds since 1970: the last change of the content, and of anything.
    let modified: Int64
    let changed: Int64

    init(device: UInt64, inode: UInt64, size: Int64, modified: Int64, changed: Int64) {
        self.device = device
        self.inode = inode
        self.size = size
        self.modified = modified
        self.changed = changed
    }

    init(_ status: stat) {
        self.init(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: status.st_mtim.nanoseconds, changed: status.st_ctim.nanoseconds)
    }

    /// Whether both are the same file, even if it was written to meanwhile.
    func isSameFile(as other: FileFacts) -> Bool { device == other.device && inode == other.inode }

    /// The status of the path itself, without following a link; nil if there is nothing.
    /// - Throws: `SystemCallError` if that cannot be found out.
    static func status(_ path: String) throws -> stat? {
        var status = stat()
        if unsafe lstat(path, &status) == 0 { return status }
        guard errno == ENOENT || errno == ENOTDIR else { throw SystemCallError("lstat", errno: errno) }
        return nil
    }

    /// The facts of the path; nil if there is nothing, or that cannot be found out.
    package static func of(_ path: String) -> FileFacts? { (try? status(path)).flatMap { $0.map(FileFacts.init) } }
}
