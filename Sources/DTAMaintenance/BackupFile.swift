import DTASystem
import Glibc

/// A regular file, open, with the calls that backups make; each failure names the file.
struct BackupFile {
    let path: String
    private let descriptor: Descriptor

    /// Opens a file to read it, through links too: the person who gives this command names it.
    /// - Throws: `DTAError.notFound` where it cannot be opened or is no regular file.
    init(reading path: String) throws {
        self.path = path
        let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { throw DTAError(.notFound, "\(path) cannot be read: \(errorText(errno))") }
        descriptor = Descriptor(owning: number)
        guard try status().st_mode & S_IFMT == S_IFREG else { throw DTAError(.notFound, "\(path) is no file") }
    }

    /// A file that is open already, below the directory that it is in.
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

    /// Fills `buffer` from where the file stands, as far as there is something.
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

    /// - Throws: `DTAError.resourceExhausted` where the disk is full.
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

    /// On the disk when this returns.
    func sync() throws {
        guard fsync(descriptor.number) == 0 else { throw BackupFile.failure("written", path, errno) }
    }

    // MARK: Directories

    /// Opens a directory, and no link, below another one.
    /// - Parameter path: what errors call it.
    static func openDirectory(_ name: String, below directory: Descriptor, _ path: String) throws -> Descriptor {
        let number = unsafe openat(directory.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw failure("used", path, errno) }
        return Descriptor(owning: number)
    }

    /// What a directory holds, in order.
    static func names(in directory: Descriptor, _ path: String) throws -> [String] {
        // A descriptor of its own, which begins at the first name, and which closedir closes.
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
