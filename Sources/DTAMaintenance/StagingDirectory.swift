import DTASystem
import Glibc

/// A directory in which something is put together before it gets its name: beside the target, mode 0700, and in use by
/// one process at a time. If a crash leaves anything in it, the next process removes that.
///
/// The parent directory may belong to another user, who could replace anything there with a link. So both directories
/// are opened once, and all calls are relative to their descriptors.
final class StagingDirectory {
    /// Its path when it was made: for errors, and for SQLite, which takes only paths.
    let path: String
    private let parent: Descriptor
    private let name: String
    private let directory: Descriptor
    /// Its contents belong to another user; root does not go through them.
    private let isAnothers: Bool

    /// Makes the directory `NAME.partial`, or takes the one that a crash left.
    /// - Parameters: `parent`: the directory of `target`; nil: it is opened here. `owner`: the user to whom root gives
    ///   it, with anything that a crash left in it: the owner has to clear that.
    /// - Throws: `DTAError.failedPrecondition` if another process has it, or it belongs to another user.
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

    /// The directory that contains, or will contain, a path's last component.
    static func parent(of target: String) throws -> Descriptor {
        let parent = parentDirectory(of: target)
        let number = unsafe open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw BackupFile.failure("made", target, errno) }
        return Descriptor(owning: number)
    }

    /// Removes all of its contents.
    func clear() throws { try StagingDirectory.empty(directory, path) }

    /// Removes the directory with all of its contents; what got its own name is no longer there. If it is another
    /// user's, that user has cleared it before.
    func remove() {
        if !isAnothers { try? clear() }
        unsafe unlinkat(parent.number, name, AT_REMOVEDIR)
    }

    /// - Throws: `DTAError.resourceExhausted` if a copy of so many bytes would leave less than 16 MiB free.
    func needRoom(for size: Int) throws {
        var room = statvfs()
        guard unsafe fstatvfs(directory.number, &room) == 0 else { throw BackupFile.failure("used", path, errno) }
        guard Int(room.f_bavail) * Int(room.f_frsize) >= size + (16 << 20) else {
            throw DTAError(
                .resourceExhausted, "there is no room for \(path): a copy of the database takes \(size) bytes",
                hint: "make room on that disk and try again")
        }
    }

    // MARK: Contents

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func makeFolder(_ name: String) throws {
        guard unsafe mkdirat(directory.number, name, 0o700) == 0 else {
            throw BackupFile.failure("made", file(name), errno)
        }
    }

    /// Makes a new file, mode 0600: `NAME`, or `FOLDER/NAME`.
    func make(_ name: String) throws -> BackupFile { try openBelow(name, O_RDWR | O_CREAT | O_EXCL, "made") }

    /// Opens a file in it for reading.
    func read(_ name: String) throws -> BackupFile { try openBelow(name, O_RDONLY | O_NONBLOCK, "read") }

    private func openBelow(_ name: String, _ flags: Int32, _ what: String) throws -> BackupFile {
        let folder = parentDirectory(of: name)
        let place = folder == "." ? directory : try BackupFile.openDirectory(folder, below: directory, file(folder))
        let number = unsafe openat(place.number, lastName(of: name), flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw BackupFile.failure(what, file(name), errno) }
        return BackupFile(file(name), Descriptor(owning: number))
    }

    /// Brings the names in all directories to the disk; the files are there already.
    func sync() throws { try StagingDirectory.sync(directory, path) }

    // MARK: Its name

    /// Gives a file in it a name beside it; when this returns, that is on the disk.
    /// - Returns: false if the name is taken, and must not be replaced.
    func publish(_ file: String, as target: String, replacing: Bool) throws -> Bool {
        let name = lastName(of: target)
        if replacing {
            guard unsafe renameat(directory.number, file, parent.number, name) == 0 else {
                throw BackupFile.failure("written", target, errno)
            }
        } else {
            // link instead of rename: it fails if another process has made the file meanwhile.
            guard unsafe linkat(directory.number, file, parent.number, name, 0) == 0 else {
                if errno == EEXIST { return false }
                throw BackupFile.failure("written", target, errno)
            }
        }
        try syncParent(target)
        return true
    }

    /// Gives the directory itself the target's name; that may be the name of an empty directory.
    /// - Returns: errno; 0 if it has the name.
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
