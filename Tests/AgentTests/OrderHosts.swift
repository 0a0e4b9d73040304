import AgentProtocol
import TestSupport

/// alice's, the bank's and the heir's agents, who trust each other; the judge is with the heir.
struct Hosts {
    let principal: TestAgent
    let fiduciary: TestAgent
    let beneficiary: TestAgent
    var all: [TestAgent] { [principal, fiduciary, beneficiary] }

    /// - Parameter more: others who live with alice.
    init(_ rules: String = automaticOrders, trusting: Bool = true, more: [String] = []) throws {
        let hosts = [
            try TestHost(["alice"] + more), try TestHost(["bank"], rules: rules), try TestHost(["heir", "judge"]),
        ]
        try TestHost.introduce(hosts, trusting: trusting)
        (principal, fiduciary, beneficiary) = (hosts[0].agent, hosts[1].agent, hosts[2].agent)
    }
}

/// Brings all of an order's envelopes, and lets the last of some kinds be taken in.
@discardableResult
func carry(_ order: String, _ from: TestAgent, _ to: TestAgent, only kinds: [String]? = nil) throws
    -> [AgentResponse]
{
    let parts = try from.client().call(.showOrder(order)).parts
    for part in parts { try from.bring(part.cid, to: to) }
    return try parts.filter { kinds?.contains($0.kind) ?? ($0.cid == parts.last?.cid) }.map {
        try to.client().call(.receiveOrderPart($0.cid))
    }
}

func state(_ order: String, _ at: TestAgent) throws -> String? {
    try at.client().call(.showOrder(order)).orders.first?.state
}

func order(_ hosts: Hosts, _ change: (inout AgentNewOrder) -> Void = { _ in }) throws -> String {
    try hosts.principal.client().call(
        newOrder {
            $0.beneficiary = "heir"
            $0.redeemers = ["heir"]
            change(&$0)
        }
    ).cid(of: "order")
}
