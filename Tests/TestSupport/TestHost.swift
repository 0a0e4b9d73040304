import AgentProtocol
import DTASystem
import Foundation

/// A host: an agent, the identities that live on it, and its gateway if other hosts' couriers come to it.
/// `introduce` makes several hosts known to each other.
public final class TestHost: Sendable {
    public let agent: TestAgent
    public let gateway: TestGateway?
    /// CIDs by names.
    public let identities: [String: String]

    /// - Parameters:
    ///   - names: those of its identities.
    ///   - rules: more of `dtad.yaml`; the user of the tests may trust identities already.
    ///   - gateway: more of `dtagw.yaml`, if the host has a gateway. Everybody may ask it, as often as they like.
    public init(_ names: [String] = [], rules: String = "", gateway: String? = nil) throws {
        agent = try TestAgent(
            more: "grants:\n  - { to: [\"unix:uid:\(geteuid())\"], identities: [\"*\"], operations: [trust] }\n\(rules)"
        )
        self.gateway = try gateway.map { [agent] more in
            try TestGateway(agent: agent.socketPath, configuration: "\(TestHost.openGateway)\n\(more)")
        }
        var made: [String: String] = [:]
        for name in names { made[name] = try agent.client().call(.createIdentity(name), timeout: .seconds(120)).cid }
        identities = made
    }

    /// Of `dtagw.yaml`: no tokens, and no limit that a test comes to.
    public static let openGateway = """
        authentication: { none: true }
        limits: { requests_per_minute: 1000000, burst: 1000000 }
        """

    /// Gives each host the documents of the others' identities, as couriers would.
    /// - Parameter trusting: whether they trust them then, under the same names and where their gateways are.
    public static func introduce(_ hosts: [TestHost], trusting: Bool = true) throws {
        for home in hosts {
            for (name, cid) in home.identities {
                for other in hosts where other !== home {
                    try home.agent.bring(historyOf: cid, to: other.agent)
                    guard trusting else { continue }
                    _ = try other.call(.trustIdentity(cid, as: name, at: home.gateway?.url() ?? ""))
                }
            }
        }
    }

    /// Asks the agent, with time enough for what its token does slowly.
    public func call(_ request: AgentRequest) throws -> AgentResponse {
        try agent.client().call(request, timeout: .seconds(60))
    }

    /// The state of an order here; nil if it is not known here.
    public func state(_ order: String) throws -> String? { try call(.showOrder(order)).orders.first?.state }
}

extension TestAgent {
    /// Puts a block of this agent's ledger, of DAG-CBOR, into another's.
    public func bring(_ cid: String, to other: TestAgent) throws {
        let block = try client().call(.getBlock(cid)).data
        _ = try other.client().call(.putBlock(block, contentType: "application/vnd.ipld.dag-cbor"))
    }

    /// The same, with the documents of an identity's line.
    public func bring(historyOf identity: String, to other: TestAgent) throws {
        for block in try client().call(.identityHistory(identity)).blocks { try bring(block.cid, to: other) }
    }

    /// `dtactl` with this agent.
    @discardableResult
    public func dtactl(_ arguments: [String], environment: [String: String] = [:]) throws -> Finished {
        try run(Binary.path("dtactl"), arguments + ["--socket", socketPath], environment: environment)
    }

    @discardableResult
    public func dtactl(_ arguments: String...) throws -> Finished { try dtactl(arguments) }
}
