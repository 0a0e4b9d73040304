import AgentServer
import CustodyProtocol
import DTAAgent
import DTAConfiguration
import DTASystem
import Glibc
import Logging

/// Starts dtad-hsm processes for the agent. The first one that logs in brings the state and the token together, before
/// anybody has a process: it may be there at once, or hours later.
final class CustodyStart: Sendable {
    private struct State {
        /// What the token is, once one was there.
        var token: TokenDescription?
        /// Which it is.
        var identity: TokenIdentity?
        /// Why none is started any more: a wrong PIN is never tried twice.
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

    /// What the token is; nil while none was there yet.
    var token: TokenDescription? { state.withLock { $0.token } }

    /// Which token the state belongs to; nil while none is known.
    var identity: TokenIdentity? { state.withLock { $0.identity } }

    /// Whether the token allows one session: then there is one process, for all.
    var allowsOneSession: Bool { token?.maximumSessions == 1 }

    /// As many as the configuration says; else as cores, and at least two.
    static func processes(_ configuration: Configuration.HSM) -> Int {
        configuration.processes ?? max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    /// One thread alone calls this until the first process is up.
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

    /// A process that has done what a start does with the HSM.
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
            // What the token cannot do it will not learn, and each try makes keys on it.
            let failure = CustodyLaunchError(reason: reason, mayRetry: reason.code != .failedPrecondition)
            if !failure.mayRetry { state.withLock { $0.refusal = failure } }
            throw failure
        }
    }
}

/// Occupies descriptor 3, if nothing does: dtad-hsm gets its connection there, and must not find another one.
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
