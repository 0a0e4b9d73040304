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
        if let caution = FileSystem(of: state).flatMap(StateCheck.caution) {
            report.note("state", "\(state) is on \(caution)")
        }
    }

    /// Why a state is better kept on another file system; nil if nothing speaks against it.
    static func caution(_ system: FileSystem) -> String? {
        if let name = system.memory {
            return "\(name): it is gone when the host restarts, and every key with a name in it"
        }
        if let name = system.network {
            return
                "\(name): SQLite's locks and the order of its writes may not hold there, so that a crash may damage the "
                + "database"
        }
        return system.isOverlay
            ? "an overlay, as containers have: what is in its upper layer goes with the container" : nil
    }
}
