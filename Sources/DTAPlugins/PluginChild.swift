import CLinux
import DTASystem
import Glibc

/// A plugin that runs as a confined child process: see `clinux_spawn_confined`. When this value ends, so do the process
/// and all that it started.
final class PluginChild {
    /// Its standard input and output.
    let channel: Descriptor
    /// Its standard error.
    let errors: Descriptor
    /// Readable when it has ended.
    let handle: Descriptor
    private let pid: pid_t
    private var status: Int32?

    /// - Throws: `SystemCallError`.
    convenience init(_ path: String, _ limits: PluginLimits) throws {
        try self.init(path, limits, rules: try PluginFileRules.make(for: path))
    }

    /// - Parameter rules: nil: none, for a kernel without Landlock.
    init(_ path: String, _ limits: PluginLimits, rules: Descriptor?) throws {
        let (ours, theirs) = try UnixSocket.pair()
        let (read, write) = try PluginChild.pipe()
        // The limit of processor time counts whole seconds; waiting is bounded by the deadline.
        let seconds = (limits.milliseconds + 999) / 1000 + 1
        let environment = ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/", "DTA_PLUGIN=\(PluginRequest.version)"]
        pid = try unsafe withCStrings([path]) { arguments in
            try unsafe withCStrings(environment) { variables in
                let program = unsafe strdup(path)
                defer { unsafe free(program) }
                var how = unsafe clinux_confinement()
                unsafe how.program = unsafe UnsafePointer(program)
                unsafe how.arguments = unsafe arguments
                unsafe how.environment = unsafe variables
                unsafe how.channel = theirs.number
                unsafe how.errors = write.number
                unsafe how.ruleset = rules?.number ?? -1
                unsafe how.memory = UInt64(limits.memoryBytes)
                unsafe how.cpu_seconds = UInt64(seconds)
                unsafe how.files = UInt64(PluginLimits.files)
                unsafe how.processes = UInt64(UserTasks.count() + PluginLimits.processes)
                return try withExtendedLifetime(rules) {
                    try systemCall(path) { unsafe clinux_spawn_confined(&how) }
                }
            }
        }
        let number = clinux_pidfd_open(pid)
        guard number >= 0 else {
            let code = errno
            kill(-pid, SIGKILL)
            var status: Int32 = 0
            unsafe waitpid(pid, &status, 0)
            throw SystemCallError("pidfd_open", errno: code)
        }
        channel = ours
        errors = read
        handle = Descriptor(owning: number)
    }

    deinit { end() }

    /// Ends it and its whole group, which no process can leave.
    /// - Returns: its status, as waitpid gives it; its own one if it had ended by itself.
    @discardableResult
    func end() -> Int32 {
        if let status { return status }
        // Until it is waited for, its number belongs to no other process, even if it has ended.
        kill(-pid, SIGKILL)
        var raw: Int32 = 0
        while unsafe waitpid(pid, &raw, 0) < 0, errno == EINTR {}
        status = raw
        return raw
    }

    private static func pipe() throws -> (read: Descriptor, write: Descriptor) {
        var reading: Int32 = -1
        var writing: Int32 = -1
        try systemCall("pipe2") { unsafe clinux_pipe(&reading, &writing) }
        return (Descriptor(owning: reading), Descriptor(owning: writing))
    }
}

/// Texts as execve takes them.
private func withCStrings<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) throws -> Result
) rethrows -> Result {
    let pointers = unsafe texts.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    return try unsafe pointers.withUnsafeBufferPointer { list in
        guard let first = list.baseAddress else { preconditionFailure("the list ends with a nil") }
        return try unsafe body(first)
    }
}
