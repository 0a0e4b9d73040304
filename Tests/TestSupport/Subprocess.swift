import Foundation

/// A program that a test started, with descriptors of the test's choice; unless it is told otherwise, killed and reaped
/// when the last reference goes.
public final class Subprocess: @unchecked Sendable {
    // Sendable: `status` is guarded by `lock`.
    public let pid: pid_t
    private let lock = NSLock()
    private var status: Int32?
    private let endsWithReference: Bool

    /// Starts `path`, an absolute path or a name to be searched for in PATH.
    /// - Parameters: `descriptors`: the number in the program to the descriptor here; 0, 1 and 2 are /dev/null, and this
    ///   process' own for 2, where they are not named. `environment`: added to this process' environment.
    public init(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], descriptors: [Int32: Int32] = [:],
        endsWithReference: Bool = true
    ) throws {
        self.endsWithReference = endsWithReference
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if descriptors[0] == nil { posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) }
        if descriptors[1] == nil { posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0) }
        // First out of the way, so that no number that is still needed is overwritten.
        let away = try descriptors.mapValues { number in
            let copy = fcntl(number, F_DUPFD_CLOEXEC, 64)
            guard copy >= 0 else { throw TestFailure("fcntl: \(String(cString: strerror(errno)))") }
            return copy
        }
        defer { for copy in away.values { close(copy) } }
        for (target, copy) in away { posix_spawn_file_actions_adddup2(&actions, copy, target) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0)=\($1)" }
        var argv = ([path] + arguments).map { strdup($0) } + [nil]
        var envp = variables.map { strdup($0) } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        var error = posix_spawnp(&pid, path, &actions, &attributes, &argv, &envp)
        // A program that another test starts at this moment still has a copy of the descriptor that wrote this one.
        var tries = 0
        while error == ETXTBSY, tries < 500 {
            tries += 1
            usleep(10_000)  // pause: between two tries
            error = posix_spawnp(&pid, path, &actions, &attributes, &argv, &envp)
        }
        guard error == 0 else { throw TestFailure("\(path): \(String(cString: strerror(error)))") }
        self.pid = pid
        Leftovers.add(program: pid)
    }

    deinit {
        if endsWithReference, lock.withLock({ status }) == nil {
            kill(pid, SIGKILL)
            _ = wait()
        }
    }

    public func signal(_ signal: Int32) { kill(pid, signal) }

    /// Waits for its end.
    /// - Returns: its exit status, or 128 and the signal that ended it.
    public func wait() -> Int32 {
        lock.withLock {
            if let status { return status }
            var raw: Int32 = 0
            while waitpid(pid, &raw, 0) < 0, errno == EINTR {}
            Leftovers.remove(program: pid)
            let result = raw & 0x7f == 0 ? (raw >> 8) & 0xff : 128 + (raw & 0x7f)
            status = result
            return result
        }
    }
}

/// What a program that ended has said.
public struct Finished: Sendable {
    public var status: Int32
    public var output: [UInt8]
    public var errors: String

    public var text: String { String(decoding: output, as: UTF8.self) }
}

/// Runs a program to its end.
/// - Parameters: `path`: absolute, or searched for in PATH; `input`: its standard input.
@discardableResult
public func run(
    _ path: String, _ arguments: [String], input: [UInt8] = [], environment: [String: String] = [:]
) throws -> Finished {
    // Files instead of pipes: nobody has to read while the program runs.
    let files = try (0..<3).map { _ in
        var path = Array("\(TemporaryDirectory.base)/f-XXXXXX".utf8CString)
        let number = mkstemp(&path)
        guard number >= 0 else { throw TestFailure("mkstemp: \(String(cString: strerror(errno)))") }
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        unlink(path)
        return number
    }
    defer { for file in files { close(file) } }
    _ = input.withUnsafeBytes { pwrite(files[0], $0.baseAddress, $0.count, 0) }
    let process = try Subprocess(
        path, arguments, environment: environment, descriptors: [0: files[0], 1: files[1], 2: files[2]])
    let status = process.wait()
    return Finished(
        status: status, output: contents(files[1]), errors: String(decoding: contents(files[2]), as: UTF8.self))
}

private func contents(_ file: Int32) -> [UInt8] {
    let size = Int(lseek(file, 0, SEEK_END))
    return [UInt8](unsafeUninitializedCapacity: max(size, 0)) { buffer, count in
        count = max(0, pread(file, buffer.baseAddress, buffer.count, 0))
    }
}
