import CLinux
import Glibc

/// Reading and writing at offsets of a file: every call with its errno, completely or not at all.
public enum PositionedFile {
    /// Writes all of `bytes` at `offset`.
    /// - Throws: `SystemCallError`: ENOSPC and EDQUOT if there is no room.
    public static func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let written = try systemCall("pwrite") {
                unsafe pwrite(file, rest.baseAddress, rest.count, off_t(offset + bytes.count - rest.count))
            }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Reads into `bytes` from `offset` on.
    /// - Returns: how many bytes; fewer if the file ends before.
    public static func read(_ file: Int32, into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        var filled = 0
        while filled < bytes.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[filled...])
            let got = try systemCall("pread") {
                unsafe pread(file, rest.baseAddress, rest.count, off_t(offset + filled))
            }
            if got == 0 { break }
            filled += got
        }
        return filled
    }

    /// Lets the kernel begin to write a range to the disk, so that less is left to wait for at the end. Only a hint.
    public static func startWriteback(_ file: Int32, at offset: Int, count: Int) {
        _ = clinux_start_writeback(file, Int64(offset), Int64(count))
    }

    /// Whether an open file cannot be written, not even by root (chattr(1), `i`); false if the file system cannot tell.
    public static func isImmutable(_ file: Int32) -> Bool { clinux_is_immutable(file) == 1 }

    /// Frees a range's room in the file system; it reads as zeros from then on. Only a hint.
    public static func punch(_ file: Int32, at offset: Int, count: Int) {
        _ = clinux_punch_hole(file, Int64(offset), Int64(count))
    }

    /// Brings a directory's entries to the disk: after a file in it was made, renamed or removed.
    public static func syncDirectory(_ path: String) throws {
        let directory = Descriptor(
            owning: try systemCall("open") { unsafe open(NativeText.path(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
        try systemCall("fsync") { fsync(directory.number) }
    }

    /// The names in a directory, without . and .., in no order.
    public static func names(in path: String) throws -> [String] {
        guard let stream = unsafe opendir(path) else { throw SystemCallError("opendir", errno: errno) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// The directory of a path's last part.
public func parentDirectory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
