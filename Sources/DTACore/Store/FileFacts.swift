import DTASystem
import Glibc

/// What the kernel says of a file without reading it. As long as nothing of that changes, neither did the content: whoever
/// writes to a file, links it or gives it away changes its times, and cannot set the last of them back.
package struct FileFacts: Sendable, Equatable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    /// Nanoseconds since 1970: of the content, and of anything at all.
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
        func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }
        self.init(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim))
    }

    /// Whether both are the same file, whatever was written to it meanwhile.
    func isSameFile(as other: FileFacts) -> Bool { device == other.device && inode == other.inode }

    /// Of what a path names, no link followed; nil where there is nothing.
    /// - Throws: `SystemCallError` where nobody can tell.
    static func status(_ path: String) throws -> stat? {
        var status = stat()
        if unsafe lstat(path, &status) == 0 { return status }
        guard errno == ENOENT || errno == ENOTDIR else { throw SystemCallError("lstat", errno: errno) }
        return nil
    }

    /// Of what a path names; nil where that cannot be found out.
    package static func of(_ path: String) -> FileFacts? { (try? status(path)).flatMap { $0.map(FileFacts.init) } }
}
