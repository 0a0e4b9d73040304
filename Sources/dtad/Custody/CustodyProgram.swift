import CLinux
import DTASystem
import Glibc

/// The path of dtad-hsm: beside dtad, or in `../libexec/dtad/`. PATH and the environment, which a caller could set, are
/// ignored.
enum CustodyProgram {
    static func path() throws -> String {
        let own = try ownPath()
        let directory = String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
        let places = ["\(directory)/dtad-hsm", "\(directory)/../libexec/dtad/dtad-hsm"]
        guard let found = places.first(where: { access($0, X_OK) == 0 }) else {
            throw DTAError(
                .failedPrecondition, "dtad-hsm is missing: it is neither \(places[0]) nor \(places[1])",
                hint: "install both, or build the product dtad-hsm")
        }
        return found
    }

    private static func ownPath() throws -> String {
        String(decoding: try linkTarget("/proc/self/exe"), as: UTF8.self)
    }

    /// Starts dtad-hsm, or another program, with `arguments`, an environment of its own, and `socket` as descriptor 3;
    /// `input` and `output`, if they are given, as its standard input and output.
    /// - Returns: its process id.
    static func spawn(
        _ arguments: [String], socket: Int32?, program: String? = nil, input: Int32? = nil, output: Int32? = nil
    ) throws -> pid_t {
        let program = try program ?? path()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let socket {
            // dup2 of a descriptor on itself would leave close-on-exec set. Ours is never 3 here: see RunCommand.
            posix_spawn_file_actions_adddup2(&actions, socket, 3)
        }
        if let input { posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) }
        if let output { posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) }
        // dtad-hsm must not inherit descriptors of dtad's parent.
        clinux_close_from(&actions, socket == nil ? 3 : 4)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of dtad block every signal; dtad-hsm needs SIGALRM and SIGTERM.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var pid: pid_t = 0
        let result = withCStrings([program] + arguments) { argv in
            withCStrings(environment()) { envp in posix_spawn(&pid, program, &actions, &attributes, argv, envp) }
        }
        guard result == 0 else { throw SystemCallError("posix_spawn(\(program))", errno: result) }
        return pid
    }

    /// Only the variable that dtad-hsm reads, the folder of the PIN. And Swift's runtime must print no memory in a
    /// crash.
    private static func environment() -> [String] {
        var environment = ["SWIFT_BACKTRACE=enable=no", "PATH=/usr/bin:/bin"]
        if let directory = getenv("CREDENTIALS_DIRECTORY") {
            environment.append("CREDENTIALS_DIRECTORY=" + String(cString: directory))
        }
        return environment
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = texts.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }
}
