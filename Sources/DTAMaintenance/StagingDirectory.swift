import DTASystem
import Glibc

/// Where something is put together before it takes its name: a directory beside it, 0700, which one process at a time
/// has. What a crash leaves in it is removed by the next one.
///
/// The directory that it is in may be another user's, who could put a link in the place of anything there. So both are
/// opened once, and everything is done below their descriptors.
final class StagingDirectory {
    /// What it was called when it was made: for errors, and for SQLite, which takes paths alone.
    let path: String
    private let parent: Descriptor
    private let name: String
    private let directory: Descriptor
    /// What is in it is another user's, for whom root does not go through it.
    private let isAnothers: Bool

    /// Makes the directory `NAME.partial`, or takes the one that a crash left.
    /// - Parameters: `parent`: the directory of `target`; nil: it is opened here. `owner`: to whom root gives it, still with
    ///   what a crash left: that is for the owner to clear.
    /// - Throws: `DTAError.failedPrecondition` if another process has it, or it is somebody else's.
    init(beside target: String, in parent: Descriptor? = nil, for owner: StateOwner? = nil) throws {
        guard !["", ".", ".."].contains(lastName(of: target)) else {
            throw DTAError(.invalidArgument, "\(target) is no name for a new file or directory")
        }
        path = target + ".partial"
        name = lastName(of: target) + ".partial"
        isAnothers = owner?.isAnother ?? false
        self.parent = try parent ?? StagingDirectory.parent(of: target)
        if unsafe mkdirat(self.parent.number, name, 0o700) != 0, errno != EEXIST {
            throw BackupFile.failure("made", path, errno)
        }
        directory = try BackupFile.openDirectory(name, below: self.parent, path)
        var status = stat()
        guard unsafe fstat(directory.number, &status) == 0, [geteuid(), owner?.uid].contains(status.st_uid),
            status.st_mode & (S_IRWXG | S_IRWXO) == 0
        else {
            throw DTAError(
                .failedPrecondition, "\(path) is there already, and it is not this user's alone",
                hint: "look what it is and remove it, or choose another name")
        }
        guard flock(directory.number, LOCK_EX | LOCK_NB) == 0 else {
            throw DTAError(.failedPrecondition, "another dtad is at work in \(path)", hint: "wait for it to end")
        }
        if let owner, isAnothers {
            guard fchown(directory.number, owner.uid, owner.gid) == 0 else {
                throw BackupFile.failure("given to its owner", path, errno)
            }
        } else {
            try clear()
        }
    }

    /// The directory in which a path's last name is, or is to be.
    static func parent(of target: String) throws -> Descriptor {
        let parent = parentDirectory(of: target)
        let number = unsafe open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw BackupFile.failure("made", target, errno) }
        return Descriptor(owning: number)
    }

    /// Removes all that is in it.
    func clear() throws { try StagingDirectory.empty(directory, path) }

    /// Removes it with all that is in it; what took its name is no longer there. Where it is another user's, that user has
    /// cleared it before.
    func remove() {
        if !isAnothers { try? clear() }
        unsafe unlinkat(parent.number, name, AT_REMOVEDIR)
    }

    /// - Throws: `DTAError.resourceExhausted` where a copy of so many bytes would leave less than 16 MiB of room beside it.
    func needRoom(for size: Int) throws {
        var room = statvfs()
        guard unsafe fstatvfs(directory.number, &room) == 0 else { throw BackupFile.failure("used", path, errno) }
        guard Int(room.f_bavail) * Int(room.f_frsize) >= size + (16 << 20) else {
            throw DTAError(
                .resourceExhausted, "there is no room for \(path): a copy of the database takes \(size) bytes",
                hint: "make room on that disk and try again")
        }
    }

    // MARK: What is in it

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func makeFolder(_ name: String) throws {
        guard unsafe mkdirat(directory.number, name, 0o700) == 0 else {
            throw BackupFile.failure("made", file(name), errno)
        }
    }

    /// Makes a file that was not there, mode 0600: `NAME`, or `FOLDER/NAME`.
    func make(_ name: String) throws -> BackupFile { try openBelow(name, O_RDWR | O_CREAT | O_EXCL, "made") }

    /// Opens a file that was made in it, to read it.
    func read(_ name: String) throws -> BackupFile { try openBelow(name, O_RDONLY | O_NONBLOCK, "read") }

    private func openBelow(_ name: String, _ flags: Int32, _ what: String) throws -> BackupFile {
        let folder = parentDirectory(of: name)
        let place = folder == "." ? directory : try BackupFile.openDirectory(folder, below: directory, file(folder))
        let number = unsafe openat(place.number, lastName(of: name), flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw BackupFile.failure(what, file(name), errno) }
        return BackupFile(file(name), Descriptor(owning: number))
    }

    /// Brings the names of all directories to the disk; the files are on it.
    func sync() throws { try StagingDirectory.sync(directory, path) }

    // MARK: Its name

    /// Gives a file in it a name beside it, on the disk when this returns.
    /// - Returns: false if something has that name, and it is not to be replaced.
    func publish(_ file: String, as target: String, replacing: Bool) throws -> Bool {
        let name = lastName(of: target)
        if replacing {
            guard unsafe renameat(directory.number, file, parent.number, name) == 0 else {
                throw BackupFile.failure("written", target, errno)
            }
        } else {
            // link and not rename: it fails where somebody else has made the file meanwhile.
            guard unsafe linkat(directory.number, file, parent.number, name, 0) == 0 else {
                if errno == EEXIST { return false }
                throw BackupFile.failure("written", target, errno)
            }
        }
        try syncParent(target)
        return true
    }

    /// Gives the directory itself the name beside it, or that of an empty directory.
    /// - Returns: errno; 0 once it has the name.
    func become(_ target: String) -> Int32 {
        unsafe renameat(parent.number, name, parent.number, lastName(of: target)) == 0 ? 0 : errno
    }

    func syncParent(_ target: String) throws {
        let parent = try BackupFile.openDirectory(".", below: parent, parentDirectory(of: target))
        guard fsync(parent.number) == 0 else { throw BackupFile.failure("written", target, errno) }
    }

    // MARK: Directories

    private static func empty(_ directory: Descriptor, _ path: String) throws {
        for name in try BackupFile.names(in: directory, path) {
            let below = "\(path)/\(name)"
            if unsafe unlinkat(directory.number, name, 0) == 0 { continue }
            try empty(BackupFile.openDirectory(name, below: directory, below), below)
            guard unsafe unlinkat(directory.number, name, AT_REMOVEDIR) == 0 else {
                throw BackupFile.failure("removed", below, errno)
            }
        }
    }

    private static func sync(_ directory: Descriptor, _ path: String) throws {
        for name in try BackupFile.names(in: directory, path) {
            var status = stat()
            let below = "\(path)/\(name)"
            guard unsafe fstatat(directory.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                throw BackupFile.failure("read", below, errno)
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                try sync(BackupFile.openDirectory(name, below: directory, below), below)
            }
        }
        guard fsync(directory.number) == 0 else { throw BackupFile.failure("written", path, errno) }
    }
}
