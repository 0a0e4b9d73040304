import AgentProtocol
import Foundation
import TestSupport

/// A real agent with a fresh token and state, that ends with the last reference.
final class RunningAgent: Sendable {
    let directory: TemporaryDirectory
    private let process: Subprocess

    var socketPath: String { directory.file("agent.sock") }
    var state: String { directory.file("state") }

    init() throws {
        directory = try TemporaryDirectory()
        let dtad = try Binary.path("dtad")
        let state = directory.file("state")
        let made = try run(dtad, ["init", "--state", state])
        guard made.status == 0 else { throw TestFailure("dtad init: \(made.status)\n\(made.errors)") }
        let log = open(directory.file("log"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw TestFailure("no log for dtad: \(errno)") }
        defer { close(log) }
        process = try Subprocess(
            dtad, ["run", "--config", state + "/dtad.yaml", "--socket", directory.file("agent.sock")],
            descriptors: [2: log])
        try waitUntilItAnswers()
    }

    deinit {
        // An orderly end, so that its HSM processes end as well; killed when even that hangs.
        process.signal(SIGTERM)
        let deadline = Date(timeIntervalSinceNow: 20)
        while Date() < deadline, kill(process.pid, 0) == 0, !hasEnded { usleep(20_000) }
    }

    private var hasEnded: Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(process.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0
            || info._sifields._sigchld.si_pid != 0
    }

    private func waitUntilItAnswers() throws {
        let client = BlockingAgentClient(socketPath: socketPath)
        let deadline = Date(timeIntervalSinceNow: 60)
        while true {
            do {
                _ = try client.call(.status())
                return
            } catch {
                guard Date() < deadline, !hasEnded else {
                    let log = (try? String(contentsOfFile: directory.file("log"), encoding: .utf8)) ?? ""
                    throw TestFailure("dtad does not answer: \(error)\n\(log)")
                }
                usleep(20_000)
            }
        }
    }
}
