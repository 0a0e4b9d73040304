import CLinux
import DTASystem
import Glibc

/// How a person is asked: by a program, as ssh-agent does it, or on the terminal.
enum ConfirmationAsker {
    case program(String)
    case terminal

    /// How often is looked whether a question is over.
    private static let milliseconds: Int32 = 200

    /// - Throws: `Failure` if there is no way to ask.
    static func find() throws -> ConfirmationAsker {
        if let path = environment("SSH_ASKPASS") {
            guard access(NativeText.path(path), X_OK) == 0 else {
                throw Failure.failed(.failedPrecondition, "SSH_ASKPASS names \(path), which cannot be run")
            }
            AskPass.prepare()
            return .program(path)
        }
        let isGraphical = environment("WAYLAND_DISPLAY") != nil || environment("DISPLAY") != nil
        let folders = (environment("PATH") ?? "").split(separator: ":").map(String.init)
        if isGraphical,
            let found = folders.map({ $0 + "/ssh-askpass" }).first(where: {
                access(NativeText.path($0), X_OK) == 0
            })
        {
            AskPass.prepare()
            return .program(found)
        }
        guard isatty(STDIN_FILENO) == 1, Terminal.error.isTerminal else {
            throw Failure.failed(
                .failedPrecondition, "there is no program and no terminal to ask by",
                hint: "install ssh-askpass, or let SSH_ASKPASS name such a program")
        }
        return .terminal
    }

    var display: String {
        switch self {
        case .program(let path): "\(path) asks"
        case .terminal: "they are asked here"
        }
    }

    /// Asks, and waits for the answer.
    /// - Parameter isOpen: whether it may still be answered; it is called several times a second.
    /// - Returns: nil if it was over before it was answered.
    func ask(_ question: SigningQuestion, _ interruption: Interruption, while isOpen: () -> Bool) throws -> Bool? {
        switch self {
        case .program(let path): try AskPass.ask(path, question.text, interruption, while: isOpen)
        case .terminal: ask(question.text, while: isOpen)
        }
    }

    private func ask(_ text: String, while isOpen: () -> Bool) -> Bool? {
        // What was typed before the question is no answer to it.
        tcflush(STDIN_FILENO, TCIFLUSH)
        StandardError.line(text)
        try? writeAll(Array("Type yes or no: ".utf8), to: STDERR_FILENO)
        while isOpen() {
            var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&entry, 1, ConfirmationAsker.milliseconds) > 0 else { continue }
            return readLine() == "yes"
        }
        StandardError.line("")
        return nil
    }
}

/// An askpass program, run as ssh-agent runs it for ssh-add -c (OpenSSH's readpass.c): the question is its argument, and
/// SSH_ASKPASS_PROMPT=confirm says that yes or no is wanted.
private enum AskPass {
    private static let milliseconds: Int32 = 200

    /// Sets what the program is told. To be called before there are other threads, which may read the environment.
    static func prepare() { setenv("SSH_ASKPASS_PROMPT", "confirm", 1) }

    /// - Returns: whether it ended with 0, and wrote nothing or yes; nil if the question was over before.
    static func ask(
        _ path: String, _ text: String, _ interruption: Interruption, while isOpen: () -> Bool
    ) throws -> Bool? {
        var ends: (reading: Int32, writing: Int32) = (-1, -1)
        try systemCall("pipe2") { unsafe clinux_pipe(&ends.reading, &ends.writing) }
        let output = Descriptor(owning: ends.reading)
        let pid: pid_t
        do {
            defer { close(ends.writing) }
            pid = try spawn(path, text, output: ends.writing)
        } catch {
            StandardError.warn("\(path) cannot be run: \(error)")
            return false
        }
        interruption.undo { kill(-pid, SIGTERM) }
        defer { interruption.undo(nil) }
        let handle = Descriptor(owning: clinux_pidfd_open(pid))
        var isOver = false
        while handle.number >= 0 {
            var entry = pollfd(fd: handle.number, events: Int16(POLLIN), revents: 0)
            if unsafe poll(&entry, 1, milliseconds) > 0 { break }
            if !isOpen() {
                isOver = true
                // And what it started.
                kill(-pid, SIGKILL)
                break
            }
        }
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        if isOver { return nil }
        guard status == 0 else { return false }
        return isYes(output)
    }

    /// As OpenSSH reads it: nothing, an empty line or yes.
    private static func isYes(_ output: Descriptor) -> Bool {
        let flags = fcntl(output.number, F_GETFL)
        _ = fcntl(output.number, F_SETFL, flags | O_NONBLOCK)
        var bytes = [UInt8](repeating: 0, count: 64)
        // Something that it started may hold the pipe open: then there is nothing to read.
        let count = (try? unsafe bytes.withUnsafeMutableBytes { try unsafe output.read(into: $0) }) ?? 0
        let line = String(decoding: bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return line.isEmpty || line.lowercased() == "yes"
    }

    /// - Returns: its process, which leads a group of its own.
    private static func spawn(_ path: String, _ text: String, output: Int32) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        unsafe clinux_close_from(&actions, 3)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // Threads here block signals.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
        var pid: pid_t = 0
        let result = unsafe withCStrings([path, text]) { arguments in
            unsafe posix_spawn(&pid, NativeText.path(path), &actions, &attributes, arguments, environ)
        }
        guard result == 0 else { throw SystemCallError("posix_spawn(\(path))", errno: result) }
        return pid
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = unsafe texts.map { unsafe strdup(NativeText.path($0)) } + [nil]
        defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
        return unsafe body(&pointers)
    }
}
