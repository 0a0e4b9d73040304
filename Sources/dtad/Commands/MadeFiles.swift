import DTAMaintenance
import DTASystem
import Glibc

/// Files and directories that were made by one command, so that it can remove them if it fails.
struct MadeFiles {
    private var files: [String] = []
    private var directories: [String] = []
    /// Files that another user made, which that user removes.
    private var others: [(owner: StateOwner, file: String, directory: String)] = []

    /// Makes a directory, if there is none; an existing one keeps its owner and mode.
    mutating func directory(_ path: String, mode: mode_t, owner: StateOwner?) throws {
        if mkdir(path, mode) != 0 {
            let why = errno
            var status = stat()
            guard why == EEXIST, lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw DTAError(
                    .failedPrecondition,
                    "the directory \(path) cannot be made: \(why == EEXIST ? "something else is there" : errorText(why))"
                )
            }
            if let owner, status.st_uid != owner.uid {
                throw DTAError(
                    .failedPrecondition,
                    "the directory \(path) belongs to \(UserDatabase.caller(uid: status.st_uid).display), and not to "
                        + UserDatabase.caller(uid: owner.uid).display,
                    hint: "move it out of the way, or systemd-tmpfiles --create dtad.conf")
            }
            return
        }
        directories.append(path)
        try systemCall("chmod(\(path))") { chmod(path, mode) }
        if let owner { try systemCall("chown(\(path))") { lchown(path, owner.uid, owner.gid) } }
    }

    /// Makes a file that did not exist, on the disk when this returns.
    mutating func file(_ path: String, _ content: String, mode: mode_t) throws {
        let bytes = Array(content.utf8)
        try bytes.withUnsafeBytes { try file(path, $0, mode: mode) }
    }

    /// The same with a PIN and a newline, for its owner alone.
    mutating func secret(_ path: String, _ pin: SecretBytes) throws {
        let line = try PINFile.line(pin)
        try line.withUnsafeBytes { try file(path, $0, mode: 0o600) }
    }

    private mutating func file(_ path: String, _ bytes: UnsafeRawBufferPointer, mode: mode_t) throws {
        let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard number >= 0 else {
            throw DTAError(.failedPrecondition, "\(path) cannot be made: \(errorText(errno))")
        }
        let file = Descriptor(owning: number)
        files.append(path)
        try systemCall("fchmod(\(path))") { fchmod(file.number, mode) }
        try file.write(bytes)
        try systemCall("fsync(\(path))") { fsync(file.number) }
    }

    /// Remembers files that another user made.
    mutating func note(file: String, directory: String, of owner: StateOwner) {
        others.append((owner, file, directory))
    }

    /// Removes everything again, with the files that dtad-hsm put into directories that were made here.
    func takeBack() {
        for other in others {
            _ = try? other.owner.run {
                MadeFiles(files: [other.file], directories: [other.directory]).takeBack()
                return []
            }
        }
        for file in files { unlink(file) }
        for directory in directories.reversed() { remove(directory, below: AT_FDCWD) }
    }

    init() {}

    private init(files: [String], directories: [String]) {
        self.files = files
        self.directories = directories
    }

    /// Follows no link: the owner of a directory that was made here may have put one there.
    private func remove(_ name: String, below parent: Int32) {
        let number = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if number >= 0, let directory = fdopendir(number) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard name != ".", name != ".." else { continue }
                if unlinkat(number, name, 0) != 0 { remove(name, below: number) }
            }
            closedir(directory)
        }
        unlinkat(parent, name, AT_REMOVEDIR)
    }
}
