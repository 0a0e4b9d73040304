import CLinux
import DTASystem
import Glibc

/// What `dtad check` says of the state directory: whose it is, and what it lies on.
struct StateCheck {
    let state: String

    func run(_ report: Report) {
        var status = stat()
        guard stat(state, &status) == 0 else {
            return report.bad("state", "\(state): \(errorText(errno))", "dtad init --state DIR makes it")
        }
        if status.st_mode & S_IFMT != S_IFDIR {
            return report.bad("state", "\(state) is not a directory")
        }
        if status.st_mode & (S_IRWXG | S_IRWXO) != 0 {
            return report.bad("state", "others may look into \(state)", "chmod 700 \(state)")
        }
        report.good("state", "\(state) belongs to \(UserDatabase.caller(uid: status.st_uid).display) alone")
        if let caution = FileSystem(of: state)?.caution { report.note("state", "\(state) is on \(caution)") }
    }
}

/// What kind of file system a directory is on.
struct FileSystem {
    private let type: UInt32

    init?(of path: String) {
        var type: UInt32 = 0
        guard clinux_file_system(path, &type) == 0 else { return nil }
        self.type = type
    }

    init(type: UInt32) { self.type = type }

    /// Why a state is better kept elsewhere; nil where nothing speaks against it. The numbers are those of statfs(2).
    var caution: String? {
        switch type {
        case 0x0102_1994: memory("tmpfs")
        case 0x8584_58f6: memory("ramfs")
        case 0x6969: network("NFS")
        case 0xff53_4d42, 0xfe53_4d42, 0x517b: network("SMB")
        case 0x00c3_6400: network("Ceph")
        case 0x5346_414f, 0x6b41_4653: network("AFS")
        case 0x0102_1997: network("9P")
        case 0x6573_5546: network("FUSE, behind which there may be a network")
        case 0x794c_7630: "an overlay, as containers have: what is in its upper layer goes with the container"
        default: nil
        }
    }

    private func memory(_ name: String) -> String {
        "\(name): it is gone when the host restarts, and every key with a name in it"
    }

    private func network(_ name: String) -> String {
        "\(name): SQLite's locks and the order of its writes may not hold there, so that a crash may damage the database"
    }
}
