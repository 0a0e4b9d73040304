import AgentProtocol
import DTACourier
import DTAFormats

extension AgentOrder {
    /// The messages that count for an order: all that were accepted, and those that the agent kept as evidence. Any
    /// sender can address a gateway, and a party can write what its terms do not allow: if such a message was refused,
    /// it does not make the order bad. Refused messages of the fiduciary, such as a second release of one use, count:
    /// they show how the fiduciary keeps its word.
    func counted(_ parts: [AgentOrderPart], _ client: BlockingAgentClient) -> [AgentOrderPart] {
        guard parts.contains(where: { $0.knownStatus == .refused }) else { return parts }
        let history = try? client.call(.identityHistory(fiduciary))
        let line = Set((history?.identities.map(\.cid) ?? []) + [fiduciary])
        return parts.filter {
            $0.knownStatus != .refused || ($0.knownKind?.isFiduciarys ?? false && line.contains($0.from))
        }
    }
}
