import AgentProtocol
import DTASystem
import Foundation

/// A real agent: `dtad` on a fresh token and state, with its HSM processes, that can be stopped, killed and started again.
public final class TestAgent: @unchecked Sendable {
    // Sendable: `process` is guarded by `lock`.
    public let directory: TemporaryDirectory
    private let lock = NSLock()
    private var process: Subprocess?

    public var state: String { directory.file("state") }
    public var configuration: String { state + "/dtad.yaml" }
    public var socketPath: String { directory.file("agent.sock") }
    /// The socket for ssh, if there is one.
    public var sshSocketPath: String { directory.file("ssh.sock") }
    private let speaksSSH: Bool
    public var tokens: String { state + "/tokens" }

    /// Makes a token and state; starts nothing.
    /// - Parameters: `more`: lines that are added to the configuration; `speaksSSH`: whether it has `ssh.sock`.
    public init(
        more: String = "", speaksSSH: Bool = false, starting: Bool = true, environment: [String: String] = [:]
    ) throws {
        directory = try TemporaryDirectory()
        self.speaksSSH = speaksSSH
        let made = try run(try Binary.path("dtad"), ["init", "--state", state])
        guard made.status == 0 else { throw TestFailure("dtad init: \(made.status)\n\(made.errors)") }
        if !more.isEmpty { try addConfiguration(more) }
        if starting { try start(environment: environment) }
    }

    deinit { stop() }

    /// Adds lines at the end of the configuration; keys below `hsm:` go there.
    public func addConfiguration(_ lines: String) throws {
        let text = try String(contentsOfFile: configuration, encoding: .utf8)
        try (text + lines + "\n").write(toFile: configuration, atomically: true, encoding: .utf8)
    }

    /// Adds lines below `hsm:`.
    public func addHSMConfiguration(_ lines: [String]) throws {
        let text = try String(contentsOfFile: configuration, encoding: .utf8)
        let block = "hsm:\n" + lines.map { "  \($0)\n" }.joined()
        try text.replacingOccurrences(of: "hsm:\n", with: block)
            .write(toFile: configuration, atomically: true, encoding: .utf8)
    }

    // MARK: Life

    /// Starts dtad and waits until it answers.
    public func start(environment: [String: String] = [:], prefix: [String] = []) throws {
        try launch(environment: environment, prefix: prefix)
        try wait("the agent to answer") { [self] in
            guard running else { throw TestFailure("dtad ended:\n\(log)") }
            return (try? client().call(.status())) != nil
        }
        // Other users may connect: who they are is the kernel's to say, and what they may do the agent's.
        chmod(directory.path, 0o711)
        chmod(socketPath, 0o666)
        if speaksSSH { chmod(sshSocketPath, 0o666) }
    }

    /// The same, and waits until the HSM serves. After a crash SoftHSM may show no token for a moment, because a process
    /// that is ending still writes the token's file; dtad answers UNAVAILABLE until it is back.
    public func startServing() throws {
        try start()
        try wait("the HSM") { [self] in (try? client().call(.random(1)))?.code == .ok }
    }

    /// Starts dtad without waiting for it.
    /// - Parameter prefix: a command that runs dtad, such as setpriv with its options.
    public func launch(environment: [String: String] = [:], prefix: [String] = []) throws {
        let log = open(directory.file("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw TestFailure("no log for dtad: \(errno)") }
        defer { close(log) }
        let command =
            prefix + [try Binary.path("dtad"), "run", "--config", configuration, "--socket", socketPath]
            + (speaksSSH ? ["--ssh-socket", sshSocketPath] : [])
        let new = try Subprocess(
            command[0], Array(command.dropFirst()), environment: environment, descriptors: [2: log])
        lock.withLock { process = new }
    }

    /// SIGTERM, and its end.
    /// - Returns: its exit status, or 128 and the signal that ended it.
    @discardableResult
    public func stop() -> Int32 {
        guard let process = lock.withLock({ process }) else { return 0 }
        process.signal(SIGTERM)
        return process.wait()
    }

    /// SIGKILL, and its end.
    public func crash() {
        guard let process = lock.withLock({ process }) else { return }
        process.signal(SIGKILL)
        _ = process.wait()
    }

    public func signal(_ number: Int32) { lock.withLock { process }?.signal(number) }

    /// Waits for an end that comes by itself.
    public func waitForEnd() -> Int32 { lock.withLock { process }?.wait() ?? 0 }

    public var pid: pid_t { lock.withLock { process }?.pid ?? 0 }

    public var running: Bool {
        let pid = pid
        guard pid > 0 else { return false }
        var info = siginfo_t()
        return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info._sifields._sigchld.si_pid == 0
    }

    public var log: String { (try? String(contentsOfFile: directory.file("log"), encoding: .utf8)) ?? "" }

    /// The processes that hold the HSM's sessions now.
    public var custodians: [pid_t] {
        let parent = pid
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { pid in
            guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let end = stat.lastIndex(of: ")")
            else { return false }
            let fields = stat[stat.index(after: end)...].split(separator: " ")
            return fields.count > 1 && fields[0] != "Z" && pid_t(fields[1]) == parent && stat.contains("(dtad-hsm)")
        }.sorted()
    }

    // MARK: Clients

    public func client() -> BlockingAgentClient { BlockingAgentClient(socketPath: socketPath) }

    /// Waits for something that must come, and shows the log if it does not.
    public func wait(_ what: String, every milliseconds: UInt32 = 10, _ condition: () throws -> Bool) throws {
        try eventually("\(what)\n\(log)", every: milliseconds, condition)
    }
}

extension BlockingAgentClient {
    /// The error that a request is refused with; a request that is done fails the test.
    public func refusal(_ request: AgentRequest) throws -> DTAError {
        do {
            _ = try call(request)
        } catch let error as DTAError {
            return error
        }
        throw TestFailure("the request was not refused")
    }
}
