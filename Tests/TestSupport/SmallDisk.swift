import Foundation

/// A file system of a few kilobytes, which can be full. It takes root to mount one.
public final class SmallDisk {
    public let path: String

    /// - Returns: nil, said loudly, where this user may not mount.
    public init?(kilobytes: Int, at path: String) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(kilobytes)k,mode=0700") == 0 else {
            print("SKIPPED: a full disk cannot be tried: mount: \(String(cString: strerror(errno)))")
            return nil
        }
    }

    public func resize(kilobytes: Int) throws {
        guard mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT), "size=\(kilobytes)k,mode=0700") == 0 else {
            throw TestFailure("remount: \(String(cString: strerror(errno)))")
        }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }
}
