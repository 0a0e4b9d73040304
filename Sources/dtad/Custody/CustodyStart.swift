import AgentServer
import CustodyProtocol
import DTAAgent
import DTAConfiguration
import DTASystem
import Glibc
import Logging

/// Starts dtad-hsm processes for the agent. The first one that logs in is used to compare state and token, before
/// requests get a process. That may be at once, or hours later.
final class CustodyStart: Sendable {
    private struct State {
        /// The token's description, once there was one.
        var token: TokenDescription?
        /// Its identity.
        var identity: TokenIdentity?
        /// Why no more processes are started: a wrong PIN is never tried twice.
        var refusal: CustodyLaunchError?
    }

    private let launcher: CustodyLauncher
    private let agent: Agent
    private let logger: Logger
    private let state: Locked<State>

    init(_ launcher: CustodyLauncher, agent: Agent, logger: Logger) throws {
        self.launcher = launcher
        self.agent = agent
        self.logger = logger
        state = Locked(State(identity: try agent.knownToken))
    }

    /// The token's description; nil while there was none yet.
    var token: TokenDescription? { state.withLock { $0.token } }

    /// The token that the state belongs to; nil while none is known.
    var identity: TokenIdentity? { state.withLock { $0.identity } }

    /// Whether the token allows one session: then there is one process, for all.
    var allowsOneSession: Bool { token?.maximumSessions == 1 }

    /// The number of the configuration; by default the cores, and at least two.
    static func processes(_ configuration: Configuration.HSM) -> Int {
        configuration.processes ?? max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    /// Only one thread calls this until the first process is up.
    func launch() throws(CustodyLaunchError) -> any CustodyProcess {
        token == nil ? try prepared() : try another()
    }

    private func another() throws(CustodyLaunchError) -> LaunchedCustody {
        let (identity, refusal) = state.withLock { ($0.identity, $0.refusal) }
        if let refusal { throw refusal }
        do {
            return try launcher.launch(expecting: identity)
        } catch {
            if !error.mayRetry { state.withLock { $0.refusal = error } }
            throw error
        }
    }

    /// A process with which the work of a start was done.
    private func prepared() throws(CustodyLaunchError) -> LaunchedCustody {
        let process = try another()
        do {
            let token = try process.custodian.ask(DescribeToken())
            try agent.recover(process.custodian, token: process.connection.token)
            if !token.memoryShortfall.isEmpty {
                logger.warning("a protection was refused: \(token.memoryShortfall)")
            }
            state.withLock {
                $0.token = token
                $0.identity = process.connection.token
            }
            return process
        } catch {
            process.end()
            let reason = DTAError(error)
            // The token's mechanisms do not change, and each try makes keys on it.
            let failure = CustodyLaunchError(reason: reason, mayRetry: reason.code != .failedPrecondition)
            if !failure.mayRetry { state.withLock { $0.refusal = failure } }
            throw failure
        }
    }
}

/// Occupies descriptor 3, if it is free: dtad-hsm gets its connection there, and must not find another one.
func reserveDescriptor3() throws {
    guard fcntl(3, F_GETFD) == -1 else { return }
    let number = try systemCall("open(/dev/null)") { open("/dev/null", O_RDONLY | O_CLOEXEC) }
    if number != 3 {
        dup3CloseOnExec(number, 3)
        close(number)
    }
}

private func dup3CloseOnExec(_ from: Int32, _ to: Int32) {
    dup2(from, to)
    _ = fcntl(to, F_SETFD, FD_CLOEXEC)
}
