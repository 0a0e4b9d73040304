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

    /// A file of the state that is open already.
    init(_ path: String, _ descriptor: Descriptor) {
        self.path = path
        self.descriptor = descriptor
    }

    /// Makes a file that was not there, mode 0600.
    init(making path: String) throws {
        self.path = path
        let number = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw BackupFile.failure("made", path, errno) }
        descriptor = Descriptor(owning: number)
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
        var used = 0
        while used < min(limit, buffer.count) {
            let count = min(limit, buffer.count) - used
            let got = unsafe buffer.withUnsafeMutableBytes { target in
                unsafe Glibc.read(descriptor.number, target.baseAddress.map { unsafe $0 + used }, count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw BackupFile.failure("read", path, errno) }
            if got == 0 { break }
            used += got
        }
        return used
    }

    /// - Throws: `DTAError.resourceExhausted` where the disk is full.
    func write(_ bytes: ArraySlice<UInt8>) throws {
        var written = 0
        while written < bytes.count {
            let put = unsafe bytes.withUnsafeBytes { source in
                unsafe Glibc.write(
                    descriptor.number, source.baseAddress.map { unsafe $0 + written }, source.count - written)
            }
            if put < 0, errno == EINTR { continue }
            guard put >= 0 else { throw BackupFile.failure("written", path, errno) }
            written += put
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

    /// Brings a directory's names to the disk.
    static func syncDirectory(_ path: String) throws {
        let number = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw failure("written", path, errno) }
        let directory = Descriptor(owning: number)
        guard fsync(directory.number) == 0 else { throw failure("written", path, errno) }
    }

    static func failure(_ what: String, _ path: String, _ errno: Int32) -> DTAError {
        if errno == ENOSPC || errno == EDQUOT {
            return DTAError(
                .resourceExhausted, "there is no room for \(path)", hint: "make room on that disk and try again")
        }
        return DTAError(.unavailable, "\(path) cannot be \(what): \(errorText(errno))")
    }
}
