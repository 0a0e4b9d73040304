import AgentProtocol
import DTASystem

/// What this host calls the identities of an order. Each is asked for once.
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

    /// An own name or an alias; in quotes what others call themselves, which anybody can; else the CID's ends.
    func name(_ cid: String) -> String {
        let identity = identity(cid)
        return identity.name.isEmpty && identity.alias.isEmpty
            ? DisplayWidth.fit(cid, to: 15, cut: .middle)
            : identity.shownName
    }

    func names(_ cids: [String]) -> String { cids.map(name).joined(separator: ", ") }

    func isOwn(_ cid: String) -> Bool { identity(cid).own }

    /// Where its gateway is; "" if it is not known.
    func url(_ cid: String) -> String { identity(cid).url }
}
