import DTASystem
import Glibc

/// Where something is put together before it takes its name: a directory beside it, 0700, which one process at a time
/// has. What a crash leaves in it is removed by the next one.
final class StagingDirectory {
    let path: String
    private let directory: Descriptor
    /// What is in it is another user's, for whom root does not go through it.
    private let isAnothers: Bool

    /// Makes the directory `NAME.partial`, or takes the one that a crash left.
    /// - Parameter owner: to whom root gives it, still with what a crash left: that is for the owner to clear.
    /// - Throws: `DTAError.failedPrecondition` where another process has it, or it is somebody else's.
    init(beside target: String, for owner: StateOwner? = nil) throws {
        path = target + ".partial"
        isAnothers = owner?.isAnother ?? false
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw BackupFile.failure("made", path, errno) }
        let number = unsafe open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw BackupFile.failure("used", path, errno) }
        directory = Descriptor(owning: number)
        var status = stat()
        guard unsafe fstat(number, &status) == 0, [geteuid(), owner?.uid].contains(status.st_uid),
            status.st_mode & (S_IRWXG | S_IRWXO) == 0
        else {
            throw DTAError(
                .failedPrecondition, "\(path) is there already, and it is not this user's alone",
                hint: "look what it is and remove it, or choose another name")
        }
        guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
            throw DTAError(.failedPrecondition, "another dtad is at work in \(path)", hint: "wait for it to end")
        }
        if let owner, isAnothers {
            guard fchown(number, owner.uid, owner.gid) == 0 else {
                throw BackupFile.failure("given to its owner", path, errno)
            }
        } else {
            try clear()
        }
    }

    /// Removes all that is in it.
    func clear() throws { try StagingDirectory.empty(path) }

    /// Removes it with all that is in it; what took its name is no longer there. Where it is another user's, that user has
    /// cleared it before.
    func remove() {
        if !isAnothers { try? clear() }
        unsafe rmdir(path)
    }

    /// - Throws: `DTAError.resourceExhausted` where a copy of so many bytes would leave less than 16 MiB of room beside it.
    func needRoom(for size: Int) throws {
        var room = statvfs()
        guard unsafe statvfs(path, &room) == 0 else { throw BackupFile.failure("used", path, errno) }
        guard Int(room.f_bavail) * Int(room.f_frsize) >= size + (16 << 20) else {
            throw DTAError(
                .resourceExhausted, "there is no room for \(path): a copy of the database takes \(size) bytes",
                hint: "make room on that disk and try again")
        }
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    private static func empty(_ path: String) throws {
        for name in try names(in: path) {
            let below = "\(path)/\(name)"
            if unsafe unlink(below) == 0 { continue }
            try empty(below)
            guard unsafe rmdir(below) == 0 else { throw BackupFile.failure("removed", below, errno) }
        }
    }

    /// What a directory holds, in order.
    static func names(in path: String) throws -> [String] {
        guard let stream = unsafe opendir(path) else { throw BackupFile.failure("read", path, errno) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
