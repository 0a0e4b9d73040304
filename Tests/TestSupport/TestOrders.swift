import AgentProtocol

/// Of `dtad.yaml`: the fiduciary commits and releases by itself.
public let automaticOrders = "orders:\n  accept:\n    - { commit: auto, release: auto }"

/// An order of alice's with the bank, if `change` does not make it another.
public func newOrder(_ change: (inout AgentNewOrder) -> Void = { _ in }) -> AgentRequest {
    var new = AgentNewOrder()
    new.principal = "alice"
    new.fiduciary = "bank"
    change(&new)
    return .createOrder(new)
}

extension AgentResponse {
    /// The CID of the part of a kind.
    public func cid(of kind: String) throws -> String {
        guard let part = parts.first(where: { $0.kind == kind }) else { throw TestFailure("there is no \(kind)") }
        return part.cid
    }
}
