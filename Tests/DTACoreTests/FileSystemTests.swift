import DTASystem
import Foundation
import Testing

@Suite("What a file system is")
struct FileSystemTests {
    /// The numbers as the kernel's own header has them.
    private static let numbers: [String: UInt32] = {
        let text = (try? String(contentsOfFile: "/usr/include/linux/magic.h", encoding: .utf8)) ?? ""
        let lines = text.matches(of: /#define\s+(\w+)\s+0x([0-9A-Fa-f]+)/)
        return Dictionary(
            lines.map { (String($0.1), UInt32($0.2, radix: 16) ?? 0) }, uniquingKeysWith: { first, _ in first })
    }()

    private func system(_ name: String) throws -> FileSystem { FileSystem(type: try #require(Self.numbers[name])) }

    @Test(
        "a file system whose files another host may change is named",
        arguments: [
            ("NFS_SUPER_MAGIC", "NFS"), ("SMB_SUPER_MAGIC", "SMB"), ("CIFS_SUPER_MAGIC", "SMB"),
            ("SMB2_SUPER_MAGIC", "SMB"), ("CEPH_SUPER_MAGIC", "Ceph"), ("AFS_SUPER_MAGIC", "AFS"),
            ("AFS_FS_MAGIC", "AFS"), ("V9FS_MAGIC", "9P"),
            ("FUSE_SUPER_MAGIC", "FUSE, behind which there may be a network"),
        ])
    func network(name: String, shown: String) throws {
        let system = try system(name)
        #expect(system.network == shown && system.memory == nil && !system.isOverlay)
    }

    @Test("a file system that is gone when the host restarts is named, and an overlay is known")
    func others() throws {
        #expect(try system("TMPFS_MAGIC").memory == "tmpfs" && system("RAMFS_MAGIC").memory == "ramfs")
        #expect(try system("TMPFS_MAGIC").network == nil)
        #expect(try system("OVERLAYFS_SUPER_MAGIC").isOverlay)
        for name in ["EXT4_SUPER_MAGIC", "XFS_SUPER_MAGIC", "BTRFS_SUPER_MAGIC"] {
            let system = try system(name)
            #expect(system.network == nil && system.memory == nil && !system.isOverlay, "\(name)")
        }
    }
}
