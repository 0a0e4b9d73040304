import AgentProtocol
import DTASystem

/// The agent, over a few connections that all requests share; the requests in flight are bounded, so that too many
/// clients are refused early instead of waiting in its queue.
final class AgentPool: Sendable {
    private static let connections = 4

    let socketPath: String
    private let clients: [AgentClient]
    private let limit: Int
    private let timeout: Duration
    private let state = Locked<(next: Int, inFlight: Int)>((0, 0))

    init(socketPath: String, limits: GatewayConfiguration.Limits) {
        self.socketPath = socketPath
        clients = (0..<AgentPool.connections).map { _ in AgentClient(socketPath: socketPath) }
        limit = limits.agentRequests
        timeout = .milliseconds(limits.agentMilliseconds)
    }

    /// Requests at the agent now.
    var inFlight: Int { state.withLock { $0.inFlight } }

    /// - Throws: `Problem` if too many are under way, else as `AgentClient.call` does.
    func call(_ request: AgentRequest, timeout: Duration? = nil) async throws -> AgentResponse {
        let client: AgentClient? = state.withLock { state in
            guard state.inFlight < limit else { return nil }
            state.inFlight += 1
            state.next = (state.next + 1) % clients.count
            return clients[state.next]
        }
        guard let client else { throw Problem.busy("the gateway has \(limit) requests at the agent already") }
        defer { state.withLock { $0.inFlight -= 1 } }
        return try await client.call(request, timeout: timeout ?? self.timeout)
    }

    func close() { for client in clients { client.close() } }
}
