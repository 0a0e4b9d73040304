import AgentServer
import DTAAgent
import DTAConfiguration
import DTAPlugins
import DTASystem
import Glibc

/// The answer of `status`.
final class StatusReport: Sendable {
    private let configuration: Configuration
    private let agent: Agent
    private let custody: CustodyPools
    private let start: CustodyStart
    private let registry: Registry
    private let limits: ServerLimits
    /// The path of ssh.sock; nil if there is none.
    private let sshSocket: String?
    private let started = monotonicNanoseconds()

    init(
        _ configuration: Configuration, agent: Agent, custody: CustodyPools, start: CustodyStart, registry: Registry,
        limits: ServerLimits, sshSocket: String?
    ) {
        self.configuration = configuration
        self.agent = agent
        self.custody = custody
        self.start = start
        self.registry = registry
        self.limits = limits
        self.sshSocket = sshSocket
    }

    /// Names and values, in the order in which they are shown.
    var fields: [(String, String)] {
        let health = custody.health
        let up = health.live > 0
        let halt = agent.halt
        var fields = [
            ("state", (up && halt == nil ? AgentState.ready : .unavailable).rawValue),
            ("version", Version.current),
            ("uptime_seconds", "\((monotonicNanoseconds() - started) / 1_000_000_000)"),
            ("connections", "\(registry.count)"),
            ("users_connected", "\(registry.users)"),
            ("buffered_bytes", "\(registry.bufferedBytes)"),
            ("keys", "\(agent.keys.count)"),
            ("identities", "\(agent.identities.count)"),
            ("audit_records", "\(agent.audit.count)"),
            ("limits.connections", "\(limits.connections)"),
            ("limits.buffered_bytes", "\(limits.bufferedBytes)"),
        ]
        fields += token
        fields += [("hsm.processes", "\(custody.live)"), ("hsm.requests_waiting", "\(health.parked)")]
        if let token = start.token { fields.append(("hsm.wall", token.uid == geteuid() ? "none" : "stands")) }
        if let sshSocket { fields.append(("ssh.socket", sshSocket)) }
        if configuration.plugins.run == .ownUser {
            fields.append(("plugins.files", PluginFileRules.shortfall == nil ? "confined" : "as dtad's user"))
        }
        let unknown = agent.orders.unknownEpochs
        if !unknown.isEmpty {
            fields.append(("orders.unknown_epochs", unknown.prefix(20).map { "\($0)" }.joined(separator: " ")))
        }
        fields += agent.ledger.nodeHealth.map { ("ipfs.\($0.0)", $0.1) }
        if let halt { fields.append(("reason", halt.message)) }
        if !up { fields.append(("hsm.reason", health.outage?.message ?? "an HSM process is being started")) }
        return fields
    }

    private var token: [(String, String)] {
        let token = start.token
        var fields = [("hsm.token", token?.label ?? configuration.hsm.tokenLabel ?? "")]
        if let known = start.identity {
            fields += [("hsm.serial", known.serial), ("hsm.landmark", known.landmarkText)]
        }
        if let token {
            fields += [
                ("hsm.model", token.model),
                ("hsm.library", token.library),
                ("hsm.key_types", token.keyTypes.map(\.name).joined(separator: " ")),
            ]
        }
        return fields
    }
}
