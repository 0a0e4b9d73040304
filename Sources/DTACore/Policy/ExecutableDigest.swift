import Crypto
import DTABytes
import DTASystem
import Glibc

/// The SHA-256 of callers' programs, for `unix:sha256`. A file is read once for as long as it does not change.
package final class ExecutableDigest: Sendable {
    /// Facts that change if a file's content does.
    private struct File: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modified: Int64
        let changed: Int64
    }

    private let known = Locked<[File: String]>([:])
    private static let cacheLimit = 1024

    /// Larger programs are not hashed. A sparse file of a terabyte takes no room on the disk, but hours to read.
    package static let sizeLimit = 256 << 20

    package init() {}

    /// The digest of a program that was opened with O_PATH, in hexadecimal; nil if it cannot be read, is too large, or
    /// changed meanwhile. It may take as long as reading the file: call it on a thread for which no other request
    /// waits.
    package func of(program: Descriptor) -> String? {
        let number = unsafe open("/proc/self/fd/\(program.number)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else { return nil }
        let content = Descriptor(owning: number)
        guard let file = self.file(content), file.size <= ExecutableDigest.sizeLimit else { return nil }
        if let digest = known.withLock({ $0[file] }) { return digest }
        guard let digest = hash(content, size: file.size), self.file(content) == file else { return nil }
        known.withLock { known in
            if known.count >= ExecutableDigest.cacheLimit { known.removeAll() }
            known[file] = digest
        }
        return digest
    }

    private func file(_ content: Descriptor) -> File? {
        var status = stat()
        guard unsafe fstat(content.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return File(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: status.st_mtim.nanoseconds, changed: status.st_ctim.nanoseconds)
    }

    private func hash(_ content: Descriptor, size: Int64) -> String? {
        var hash = SHA256()
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        var left = size
        while true {
            let got = try? systemCall("read") { unsafe read(content.number, &piece, piece.count) }
            guard let got, Int64(got) <= left else { return nil }
            if got == 0 { break }
            left -= Int64(got)
            hash.update(data: piece[..<got])
        }
        guard left == 0 else { return nil }
        return Hexadecimal.encode(hash.finalize())
    }
}
