import Glibc

/// The version of a file's content: replacing or writing the file changes one of these.
public struct FileVersion: Sendable, Equatable {
    private var inode: UInt64 = 0
    private var size: Int64 = -1
    private var modified: Int64 = 0
    private var changed: Int64 = 0

    /// That of a file that is not there.
    public init() {}

    public init(of path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return }
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = status.st_mtim.nanoseconds
        changed = status.st_ctim.nanoseconds
    }
}

/// A file of this host that root wrote, as text: up to 1 MiB of it, with invalid UTF-8 replaced.
public func readSmallText(_ path: String) throws -> String {
    let file = Descriptor(owning: try systemCall("open") { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) })
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let used = try unsafe bytes.withUnsafeMutableBytes { try unsafe file.fill($0) }
    return String(decoding: bytes[..<used], as: UTF8.self)
}
