import DTAMaintenance
import DTASystem
import Glibc

/// The check of the state directory: its owner, its file system, and whether its parts fit together.
struct StateCheck {
    let state: String

    /// - Returns: nil if no agent could run on it.
    func run(_ report: Report) -> StateComparison? {
        guard let owner = report.attempt("state", { try checkDirectory() }),
            let comparison = report.attempt("state", { try StateComparison(state: state) })
        else { return nil }
        report.good("state", "\(state) belongs to \(owner) alone")
        if let caution = FileSystem(of: state).flatMap(StateCheck.caution) {
            report.note("state", "\(state) is on \(caution)")
        }
        if FileSystem.isFull(state) {
            report.bad("state", "there is no room on the disk of \(state)", "make room there first")
        }
        if let halt = comparison.halt {
            report.bad("audit log", halt.message, halt.hintText)
        } else if !comparison.isNew {
            report.good("audit log", "its files are as dtad wrote them")
        }
        return comparison
    }

    /// - Returns: the owner of the directory.
    private func checkDirectory() throws -> String {
        var status = stat()
        guard stat(state, &status) == 0 else {
            throw DTAError(.notFound, "\(state): \(errorText(errno))", hint: "dtad init --state DIR makes it")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw DTAError(.failedPrecondition, "\(state) is not a directory")
        }
        guard status.st_mode & (S_IRWXG | S_IRWXO) == 0 else {
            throw DTAError(.failedPrecondition, "others may look into \(state)", hint: "chmod 700 \(state)")
        }
        return UserDatabase.caller(uid: status.st_uid).display
    }

    /// Why a state should be on another file system; nil if this one is fine.
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
