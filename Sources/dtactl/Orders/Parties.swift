import AgentProtocol
import DTASystem

/// The names of an order's identities on this host. Each is asked for once.
final class Parties {
    private let client: BlockingAgentClient
    private var known: [String: AgentIdentity] = [:]

    init(_ client: BlockingAgentClient) { self.client = client }

    private func identity(_ cid: String) -> AgentIdentity {
        if let identity = known[cid] { return identity }
        let identity = (try? client.call(.showIdentity(cid)))?.identities.first ?? AgentIdentity()
        known[cid] = identity
        return identity
    }

    /// An own name or an alias; or in quotes the name that it claims itself, which can be any; or the CID's ends.
    func name(_ cid: String) -> String {
        let identity = identity(cid)
        return identity.name.isEmpty && identity.alias.isEmpty
            ? DisplayWidth.fit(cid, to: 15, cut: .middle)
            : identity.shownName
    }

    func names(_ cids: [String]) -> String { cids.map(name).joined(separator: ", ") }

    func isOwn(_ cid: String) -> Bool { identity(cid).own }

    /// The address of its gateway; "" if it is not known.
    func url(_ cid: String) -> String { identity(cid).url }
}
