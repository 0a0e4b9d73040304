import AgentProtocol
import DTACourier
import DTAFormats

extension AgentOrder {
    /// The messages that say something about an order: all that were accepted, and what the agent kept as evidence. Anybody can
    /// address a gateway, and a party can write what its terms do not allow: what was refused of these makes no order bad. What
    /// was refused of the fiduciary, such as a second release of one use, stays: it shows how the fiduciary keeps its word.
    func counted(_ parts: [AgentOrderPart], _ client: BlockingAgentClient) -> [AgentOrderPart] {
        guard parts.contains(where: { $0.knownStatus == .refused }) else { return parts }
        let history = try? client.call(.identityHistory(fiduciary))
        let line = Set((history?.identities.map(\.cid) ?? []) + [fiduciary])
        return parts.filter {
            $0.knownStatus != .refused || ($0.knownKind?.isFiduciarys ?? false && line.contains($0.from))
        }
    }
}
