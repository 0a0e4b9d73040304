import CLinux
import Glibc

/// What kind of file system a path is on, by the numbers of statfs(2).
public struct FileSystem: Sendable {
    private let type: UInt32

    /// nil if it cannot be found out, for instance because there is nothing at `path`.
    public init?(of path: String) {
        var type: UInt32 = 0
        guard unsafe clinux_file_system(path, &type) == 0 else { return nil }
        self.type = type
    }

    public init(type: UInt32) { self.type = type }

    /// Whether the file system of a path has no room, or no inode, for this user; false if it cannot be found out.
    public static func isFull(_ path: String) -> Bool {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { return false }
        let blocks = geteuid() == 0 ? status.f_bfree : status.f_bavail
        return status.f_blocks > 0 && blocks == 0 || status.f_files > 0 && status.f_ffree == 0
    }

    /// The name of one that does not survive a restart of the host; nil for others.
    public var memory: String? {
        switch type {
        case 0x0102_1994: "tmpfs"
        case 0x8584_58f6: "ramfs"
        default: nil
        }
    }

    /// The name of one whose files another host may change, and whose times its server sets; nil for others.
    public var network: String? {
        switch type {
        case 0x6969: "NFS"
        case 0xff53_4d42, 0xfe53_4d42, 0x517b: "SMB"
        case 0x00c3_6400: "Ceph"
        case 0x5346_414f, 0x6b41_4653: "AFS"
        case 0x0102_1997: "9P"
        case 0x6573_5546: "FUSE, behind which there may be a network"
        default: nil
        }
    }

    /// Whether it is an overlay, as containers have.
    public var isOverlay: Bool { type == 0x794c_7630 }
}
