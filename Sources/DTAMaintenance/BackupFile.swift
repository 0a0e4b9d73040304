import DTASystem
import Glibc

/// An open regular file, with the calls that backups make; each error names the file.
struct BackupFile {
    let path: String
    private let descriptor: Descriptor

    /// Opens a file to read it, through links too: the user of this command named it.
    /// - Throws: `DTAError.notFound` if it cannot be opened or is not a regular file.
    init(reading path: String) throws {
        self.path = path
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { throw DTAError(.notFound, "\(path) cannot be read: \(errorText(errno))") }
        descriptor = Descriptor(owning: number)
        guard try status().st_mode & S_IFMT == S_IFREG else { throw DTAError(.notFound, "\(path) is no file") }
    }

    /// A file that is open already, below its directory.
    init(_ path: String, _ descriptor: Descriptor) {
        self.path = path
        self.descriptor = descriptor
    }

    private func status() throws -> stat {
        var status = stat()
        guard unsafe fstat(descriptor.number, &status) == 0 else { throw BackupFile.failure("read", path, errno) }
        return status
    }

    /// In bytes.
    func length() throws -> Int { Int(try status().st_size) }

    /// Fills `buffer` from the current position, as far as there are bytes.
    /// - Returns: how many bytes were read; fewer than asked for only at the end.
    func read(_ buffer: inout [UInt8], atMost limit: Int) throws -> Int {
        do {
            return try unsafe buffer.withUnsafeMutableBytes { room in
                try unsafe descriptor.fill(UnsafeMutableRawBufferPointer(rebasing: room.prefix(limit)))
            }
        } catch let error as SystemCallError {
            throw BackupFile.failure("read", path, error.errno)
        }
    }

    /// - Throws: `DTAError.resourceExhausted` if the disk is full.
    func write(_ bytes: ArraySlice<UInt8>) throws {
        do {
            try unsafe bytes.withUnsafeBytes { try unsafe descriptor.write($0) }
        } catch let error as SystemCallError {
            throw BackupFile.failure("written", path, error.errno)
        }
    }

    /// Goes to `offset`, in bytes from the beginning.
    func seek(_ offset: Int) throws {
        guard lseek(descriptor.number, offset, SEEK_SET) == offset else {
            throw BackupFile.failure("written", path, errno)
        }
    }

    /// When this returns, the file is on the disk.
    func sync() throws {
        guard fsync(descriptor.number) == 0 else { throw BackupFile.failure("written", path, errno) }
    }

    // MARK: Directories

    /// Opens a directory below another one, but not through a link.
    /// - Parameter path: its name in errors.
    static func openDirectory(_ name: String, below directory: Descriptor, _ path: String) throws -> Descriptor {
        let number = unsafe openat(directory.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw failure("used", path, errno) }
        return Descriptor(owning: number)
    }

    /// The names in a directory, sorted.
    static func names(in directory: Descriptor, _ path: String) throws -> [String] {
        // A new descriptor, which begins at the first name; closedir closes it.
        let number = unsafe openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0, let stream = unsafe fdopendir(number) else { throw failure("read", path, errno) }
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

    static func failure(_ what: String, _ path: String, _ errno: Int32) -> DTAError {
        if errno == ENOSPC || errno == EDQUOT {
            return DTAError(
                .resourceExhausted, "there is no room for \(path)", hint: "make room on that disk and try again")
        }
        return DTAError(.unavailable, "\(path) cannot be \(what): \(errorText(errno))")
    }
}
