import DTASystem
import Glibc

/// A file with a PIN, in dtad-hsm's form: one line, readable only by its owner.
enum PINFile {
    static let limit = 255

    /// - Throws: `DTAError.failedPrecondition` if it is another user's, or others may read it.
    static func read(_ path: String) throws -> SecretBytes {
        let (bytes, count) = try contents(path)
        return try pin(in: bytes, count: count, path)
    }

    /// Whether a file has only the beginning of a PIN's line, or nothing.
    /// - Throws: as `read`.
    static func isCutShort(_ path: String) throws -> Bool {
        let (bytes, count) = try contents(path)
        return count <= limit && bytes.withUnsafeBytes { !$0[..<count].contains(UInt8(ascii: "\n")) }
    }

    /// - Throws: `DTAError.failedPrecondition` if it is no regular file.
    static func requireFile(_ path: String) throws {
        guard let fault = try FileKind.fault(at: path) else { return }
        throw DTAError(
            .failedPrecondition, "\(path) \(fault): the file with the PIN must be a regular file",
            hint: "look what it is and move it away")
    }

    /// - Returns: the file's content, and its length: more than `limit` + 1 if it is too long.
    private static func contents(_ path: String) throws -> (bytes: SecretBytes, count: Int) {
        try requireFile(path)
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else {
            throw DTAError(
                errno == ENOENT ? .notFound : .failedPrecondition,
                "the file with the PIN, \(path), cannot be read: \(errorText(errno))")
        }
        let file = Descriptor(owning: number)
        var status = stat()
        try systemCall("fstat") { fstat(file.number, &status) }
        guard status.st_uid == geteuid() || status.st_uid == 0, status.st_mode & 0o077 == 0 else {
            throw DTAError(
                .failedPrecondition, "the file with the PIN, \(path), must be this user's or root's alone",
                hint: "chmod 600 \(path)")
        }
        var count = 0
        let all = try SecretBytes(count: limit + 2) { count = try file.fill($0) }
        return (all, count)
    }

    /// The content of one line, without the newline at its end.
    static func pin(in bytes: SecretBytes, count: Int? = nil, _ name: String) throws -> SecretBytes {
        try bytes.withUnsafeBytes { bytes in
            var count = count ?? bytes.count
            if count > 0, bytes[count - 1] == UInt8(ascii: "\n") { count -= 1 }
            guard (1...limit).contains(count), !bytes[..<count].contains(where: { $0 == UInt8(ascii: "\n") || $0 == 0 })
            else {
                throw DTAError(.failedPrecondition, "\(name) must hold a PIN of 1 to \(limit) bytes, in one line")
            }
            let pin = UnsafeRawBufferPointer(rebasing: bytes[..<count])
            return try SecretBytes(count: count) { $0.copyMemory(from: pin) }
        }
    }

    /// Makes a new file. Its content is on the disk when this returns.
    static func write(_ pin: SecretBytes, to path: String) throws {
        let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw DTAError(.unavailable, "\(path) cannot be made: \(errorText(errno))") }
        let file = Descriptor(owning: number)
        do {
            try line(pin).withUnsafeBytes { try file.write($0) }
            try systemCall("fsync") { fsync(file.number) }
        } catch {
            unlink(path)
            throw DTAError(.resourceExhausted, "\(path) cannot be written: \(error)")
        }
    }

    /// A PIN and a newline.
    static func line(_ pin: SecretBytes) throws -> SecretBytes {
        try SecretBytes(count: pin.count + 1) { target in
            pin.withUnsafeBytes { target.copyMemory(from: $0) }
            target[pin.count] = UInt8(ascii: "\n")
        }
    }

    /// Brings the names of a file's folder to the disk.
    static func syncDirectory(of path: String) throws {
        try PositionedFile.syncDirectory(parentDirectory(of: path))
    }
}
