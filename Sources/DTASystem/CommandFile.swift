import Glibc

/// The files that administrators' commands read and write completely.
public enum CommandFile {
    /// Reads a regular file.
    /// - Throws: `DTAError` that names it.
    public static func read(_ path: String, atMost limit: Int) throws -> [UInt8] {
        // Without O_NONBLOCK, opening a FIFO would wait for ever.
        let file = try open(path, O_RDONLY | O_NONBLOCK)
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw DTAError(.invalidArgument, "\(path) is no regular file")
        }
        guard status.st_size <= off_t(limit) else {
            throw DTAError(.invalidArgument, "\(path) has \(status.st_size) bytes: at most \(limit) are read")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = try unsafe bytes.withUnsafeMutableBytes {
            try unsafe PositionedFile.read(file.number, into: $0, at: 0)
        }
        return Array(bytes.prefix(count))
    }

    /// Makes a file that only its owner may read. An existing one is taken only if it is empty, as a failed command
    /// leaves it.
    /// - Throws: `DTAError` that names it.
    public static func make(_ path: String) throws -> Descriptor {
        try requireReplaceable(path)
        let file = try open(path, O_WRONLY | O_CREAT | O_NONBLOCK)
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size == 0,
            status.st_uid == geteuid()
        else {
            throw DTAError(.failedPrecondition, "\(path) is there already", hint: "name a file that is not")
        }
        try systemCall("fchmod") { fchmod(file.number, 0o600) }
        return file
    }

    /// A command that writes a file replaces only regular files.
    /// - Throws: `DTAError` that names it if it is a device, a pipe, a socket, a directory or a link.
    public static func requireReplaceable(_ path: String) throws {
        guard let fault = try FileKind.fault(at: path) else { return }
        throw DTAError(.failedPrecondition, "\(path) \(fault), no regular file", hint: "name a new file")
    }

    /// Writes all of a file, down to the disk.
    public static func write(_ bytes: [UInt8], to file: Descriptor) throws {
        do {
            try unsafe bytes.withUnsafeBytes { try unsafe PositionedFile.write(file.number, $0, at: 0) }
            try systemCall("fsync") { fsync(file.number) }
        } catch {
            // A half-written file is emptied.
            ftruncate(file.number, 0)
            throw error
        }
    }

    private static func open(_ path: String, _ flags: Int32) throws -> Descriptor {
        let number = unsafe Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else {
            throw DTAError(
                errno == ENOENT ? .notFound : .failedPrecondition, "\(path) cannot be opened: \(errorText(errno))")
        }
        return Descriptor(owning: number)
    }
}
