import AgentProtocol

extension AgentOrder {
    /// The messages that say something about an order: all that were accepted, and what the agent kept as evidence. Anybody can
    /// address a gateway, and a party can write what its terms do not allow: what was refused of these makes no order bad. What
    /// was refused of the fiduciary, such as a second release of one use, stays: it shows how the fiduciary keeps its word.
    func counted(_ parts: [AgentOrderPart], _ client: BlockingAgentClient) -> [AgentOrderPart] {
        guard parts.contains(where: { $0.status == "refused" }) else { return parts }
        let history = try? client.call(.identityHistory(fiduciary))
        let line = Set((history?.identities.map(\.cid) ?? []) + [fiduciary])
        let its: Set = ["commitment", "release", "refusal", "destruction"]
        return parts.filter { $0.status != "refused" || (its.contains($0.kind) && line.contains($0.from)) }
    }
}
