import Crypto
import DTASystem
import Glibc

/// The SHA-256 of callers' programs, for `unix:sha256`. A file is read once as long as it does not change.
public final class ExecutableDigest: Sendable {
    /// What changes with a file's content. The kernel keeps a running program from being written, so this is enough.
    private struct File: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modified: Int64
        let changed: Int64
    }

    private let known = Locked<[File: String]>([:])
    private static let cacheLimit = 1024

    public init() {}

    /// Of the program that a process runs, in hexadecimal; nil where it cannot be seen (that takes CAP_SYS_PTRACE).
    /// It may read a whole program: call it when a connection is accepted, and only where the policy needs it.
    public func of(pid: Int32) -> String? {
        let number = unsafe open("/proc/\(pid)/exe", O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let program = Descriptor(owning: number)
        var status = stat()
        guard unsafe fstat(program.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let file = File(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim))
        if let digest = known.withLock({ $0[file] }) { return digest }
        guard let digest = hash(program) else { return nil }
        known.withLock { known in
            if known.count >= ExecutableDigest.cacheLimit { known.removeAll() }
            known[file] = digest
        }
        return digest
    }

    private func hash(_ program: Descriptor) -> String? {
        var hash = SHA256()
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let got = try? systemCall("read") { unsafe read(program.number, &piece, piece.count) }
            guard let got else { return nil }
            if got == 0 { break }
            hash.update(data: piece[..<got])
        }
        return String(decoding: hash.finalize().flatMap { [hexDigit($0 >> 4), hexDigit($0)] }, as: UTF8.self)
    }

    private func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }
}
