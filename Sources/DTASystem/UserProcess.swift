import CLinux
import Glibc

/// Work that root does as another user: that user's files are then read and written only with that user's rights, so
/// links that the user made lead no further.
public enum UserProcess {
    /// The most bytes of a child's answer.
    private static let limit = 16 << 20

    /// Becomes the user in a child process, for good, and runs `body` there. Descriptors that are open stay open. The
    /// caller has one thread.
    /// - Returns: the answer of `body`, texts without zero bytes.
    /// - Throws: what `body` throws, as a `DTAError`.
    public static func run(uid: UInt32, gid: UInt32, _ body: () throws -> [String]) throws -> [String] {
        var ends: (reading: Int32, writing: Int32) = (-1, -1)
        try systemCall("pipe2") { unsafe clinux_pipe(&ends.reading, &ends.writing) }
        // Buffered output would be written twice.
        fflush(nil)
        let parent = getpid()
        let child = clinux_fork()
        if child == 0 {
            write(answer(uid, gid, parent, body), to: ends.writing)
            _exit(0)
        }
        let failure = errno
        close(ends.writing)
        defer { close(ends.reading) }
        guard child > 0 else { throw SystemCallError("fork", errno: failure) }
        let bytes = read(ends.reading)
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
        return try unpack(bytes, status: status)
    }

    /// Becomes a user for good, in this process, with the groups that the user has.
    public static func become(uid: UInt32, gid: UInt32) throws {
        let name = UserDatabase.name(of: uid)
        try systemCall("setresuid") { clinux_become(uid, gid, name.isEmpty ? nil : name) }
    }

    /// The owner of a directory and its group; nil if this process is not root's, or the directory is.
    /// - Throws: `DTAError.failedPrecondition` if it is no directory; `SystemCallError`.
    public static func anotherOwner(of directory: String) throws -> (uid: UInt32, gid: UInt32)? {
        guard geteuid() == 0 else { return nil }
        var status = stat()
        guard lstat(directory, &status) == 0 else { throw SystemCallError("stat \(directory)", errno: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw DTAError(.failedPrecondition, "\(directory) is not a directory")
        }
        return status.st_uid == 0 ? nil : (status.st_uid, status.st_gid)
    }

    /// In the child.
    private static func answer(_ uid: UInt32, _ gid: UInt32, _ parent: Int32, _ body: () throws -> [String]) -> [String]
    {
        do {
            try systemCall("setresuid") { clinux_become(uid, gid, nil) }
            try systemCall("prctl") { clinux_end_with_parent(parent) }
            return ["done"] + (try body())
        } catch {
            let error = (error as? SystemCallError).map { DTAError(.unavailable, "\($0)") } ?? DTAError(error)
            let hints = error.hints.flatMap { ["\($0.code.rawValue)", $0.subject] }
            return ["failed", "\(error.code.rawValue)", error.message, error.hint] + hints
        }
    }

    private static func write(_ texts: [String], to descriptor: Int32) {
        let bytes: [UInt8] = texts.flatMap { Array($0.utf8) + [0] }
        var written = 0
        while written < bytes.count {
            let put = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + written }, buffer.count - written)
            }
            if put < 0, errno == EINTR { continue }
            guard put > 0 else { return }
            written += put
        }
    }

    private static func read(_ descriptor: Int32) -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while all.count < limit {
            let got = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { break }
            all += buffer[..<got]
        }
        return all
    }

    private static func unpack(_ bytes: [UInt8], status: Int32) throws -> [String] {
        var texts = bytes.split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        // Each text ends with a zero; the answer of a child that was killed lacks it.
        let isWhole = texts.popLast()?.isEmpty ?? false
        switch (isWhole && status == 0, texts.first) {
        case (true, "done"): return Array(texts.dropFirst())
        case (true, "failed") where texts.count >= 4:
            var error = DTAError(
                UInt8(texts[1]).flatMap(ErrorCode.init(rawValue:)) ?? .internal, texts[2], hint: texts[3])
            error.hints = stride(from: 4, to: texts.count - 1, by: 2).compactMap { at in
                UInt8(texts[at]).flatMap(HintCode.init(rawValue:)).map { Hint($0, texts[at + 1]) }
            }
            throw error
        default:
            throw DTAError(
                .internal, "the process that does this as another user ended before it was done", hint: "try again")
        }
    }
}
