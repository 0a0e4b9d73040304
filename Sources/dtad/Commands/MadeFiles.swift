import DTASystem
import Glibc

/// Files and directories that were made by one command, so that it can take them back when it fails.
struct MadeFiles {
    private var files: [String] = []
    private var directories: [String] = []

    /// Makes a directory, where there is none; one that exists keeps its owner and mode.
    mutating func directory(_ path: String, mode: mode_t, owner: InitPlan.Account?) throws {
        if mkdir(path, mode) != 0 {
            let why = errno
            var status = stat()
            guard why == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw DTAError(.failedPrecondition, "the directory \(path) cannot be made: \(errorText(why))")
            }
            return
        }
        directories.append(path)
        try systemCall("chmod(\(path))") { chmod(path, mode) }
        if let owner { try systemCall("chown(\(path))") { chown(path, owner.uid, owner.gid) } }
    }

    /// Makes a file that did not exist, on the disk when this returns.
    mutating func file(_ path: String, _ content: String, mode: mode_t, owner: InitPlan.Account?) throws {
        let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard number >= 0 else {
            throw DTAError(.failedPrecondition, "\(path) cannot be made: \(errorText(errno))")
        }
        let file = Descriptor(owning: number)
        files.append(path)
        try systemCall("fchmod(\(path))") { fchmod(number, mode) }
        let bytes = Array(content.utf8)
        var written = 0
        while written < bytes.count {
            written += try bytes.withUnsafeBytes { buffer in
                try systemCall("write(\(path))") {
                    write(file.number, buffer.baseAddress! + written, buffer.count - written)
                }
            }
        }
        try systemCall("fsync(\(path))") { fsync(number) }
        if let owner { try systemCall("fchown(\(path))") { fchown(number, owner.uid, owner.gid) } }
    }

    /// Removes everything again. What dtad-hsm put into directories that were made here goes with them.
    func takeBack() {
        for file in files { unlink(file) }
        for directory in directories.reversed() { remove(directory) }
    }

    private func remove(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard name != ".", name != ".." else { continue }
                let below = "\(path)/\(name)"
                if unlink(below) != 0 { remove(below) }
            }
            closedir(directory)
        }
        rmdir(path)
    }
}
