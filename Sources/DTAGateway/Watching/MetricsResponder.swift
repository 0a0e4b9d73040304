import AgentProtocol
import DTASystem
import Hummingbird

/// `GET /metrics`, on an address of its own, for those who run the gateway.
struct MetricsResponder: HTTPResponder {
    typealias Context = GatewayContext

    let agent: AgentPool
    let measurements: Measurements
    let connections: Connections

    func respond(to request: Request, context: GatewayContext) async throws -> Response {
        guard request.uri.path == "/metrics" else { return Problem.notFound("there is nothing at this path").response }
        guard request.method == .get || request.method == .head else {
            var problem = Problem(.methodNotAllowed, Problem.Code.methodNotAllowed, "/metrics has no such method")
            problem.headers[.allow] = "GET, HEAD"
            return problem.response
        }
        let lines = measurements.lines() + own() + (await agentLines())
        var reply = Reply(
            Array((lines.joined(separator: "\n") + "\n").utf8), type: "text/plain; version=0.0.4; charset=utf-8")
        reply.headers[.cacheControl] = "no-store"
        return reply.response
    }

    private func own() -> [String] {
        gauge("dtagw_connections", "Connections that are open.", "\(connections.count)")
            + gauge("dtagw_agent_requests", "Requests at the agent now.", "\(agent.inFlight)")
    }

    private func agentLines() async -> [String] {
        let fields = try? await agent.call(.status(), timeout: .seconds(2)).fields
        let status = Dictionary(
            (fields ?? []).map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        var lines = gauge("dtagw_agent_up", "Whether the agent answers.", fields == nil ? "0" : "1")
        guard fields != nil else { return lines }
        lines += gauge(
            "dtagw_agent_ready", "Whether the agent's HSM answers.",
            status["state"] == AgentState.ready.rawValue ? "1" : "0")
        func add(_ name: String, _ field: String, _ help: String) {
            if let number = status[field].flatMap(UInt64.init) { lines += gauge(name, help, "\(number)") }
        }
        add("dtagw_agent_uptime_seconds", "uptime_seconds", "How long the agent runs.")
        add("dtagw_agent_connections", "connections", "Connections at the agent.")
        add("dtagw_hsm_processes", "hsm.processes", "Processes that have a session with the HSM.")
        add("dtagw_hsm_requests_waiting", "hsm.requests_waiting", "Requests that wait for the HSM.")
        if let state = status["ipfs.state"] {
            lines += gauge(
                "dtagw_ipfs_up", "Whether the IPFS node answers.", state == NodeState.up.rawValue ? "1" : "0")
        }
        add("dtagw_outbox_blocks", "ipfs.unfinished", "Blocks that are still to be published.")
        return lines
    }

    private func gauge(_ name: String, _ help: String, _ value: String) -> [String] {
        ["# HELP \(name) \(help)", "# TYPE \(name) gauge", "\(name) \(value)"]
    }
}
