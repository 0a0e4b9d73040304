import AgentProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport

/// alice's, the bank's and the heir's agents, who trust each other; the judge is with the heir.
struct Hosts {
    let principal: TestAgent
    let fiduciary: TestAgent
    let beneficiary: TestAgent
    var all: [TestAgent] { [principal, fiduciary, beneficiary] }

    /// - Parameter more: others who live with alice.
    init(_ rules: String = automaticOrders, trusting: Bool = true, more: [String] = []) throws {
        principal = try TestAgent()
        fiduciary = try TestAgent(more: rules)
        beneficiary = try TestAgent()
        let people = [("alice", principal), ("bank", fiduciary), ("heir", beneficiary), ("judge", beneficiary)]
        for (name, home) in people + more.map({ ($0, principal) }) {
            let cid = try home.client().call(.createIdentity(name)).cid
            for other in all where other !== home {
                try Self.introduce(name, cid, from: home, to: other, trusting: trusting)
            }
        }
    }

    static func introduce(
        _ name: String, _ cid: String, from home: TestAgent, to other: TestAgent, trusting: Bool
    ) throws {
        for block in try home.client().call(.identityHistory(cid)).blocks {
            let bytes = try home.client().call(.getBlock(block.cid)).data
            _ = try other.client().call(.putBlock(bytes, contentType: "application/vnd.ipld.dag-cbor"))
        }
        if trusting { _ = try other.client().call(.trustIdentity(cid, as: name)) }
    }
}

/// Brings all of an order's envelopes, and lets the last of some kinds be taken in.
@discardableResult
func carry(_ order: String, _ from: TestAgent, _ to: TestAgent, only kinds: [String]? = nil) throws
    -> [AgentResponse]
{
    let parts = try from.client().call(.showOrder(order)).parts
    for part in parts {
        let bytes = try from.client().call(.getBlock(part.cid)).data
        _ = try to.client().call(.putBlock(bytes, contentType: "application/vnd.ipld.dag-cbor"))
    }
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

extension AgentResponse {
    /// The CID of the part of a kind.
    func cid(of kind: String) throws -> String {
        guard let part = parts.first(where: { $0.kind == kind }) else { throw TestFailure("there is no \(kind)") }
        return part.cid
    }
}
