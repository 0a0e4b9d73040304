import AgentProtocol
import DTASystem
import Foundation
import TestSupport

extension TestAgent {
    /// An agent with an IPFS node, which looks for it often.
    convenience init(publishingTo api: String, more: [String] = []) throws {
        try self.init(more: Self.publishing(to: api, more: more))
    }

    func publish(to api: String, more: [String] = []) throws {
        try addConfiguration(Self.publishing(to: api, more: more))
    }

    /// Of `dtad.yaml`.
    static func publishing(to api: String, more: [String] = []) -> String {
        let lines = ["ledger:", "  kubo:", "    api: \(api)", "    retry_max_ms: 200"] + more.map { "    " + $0 }
        return lines.joined(separator: "\n")
    }

    /// Waits until nothing is left to publish.
    func waitForPublication() throws {
        do {
            try wait("everything to be published") {
                let status = try client().call(.list(.ledgerStatus))
                return status.field("waiting") == "0" && status.field("stored") == "0"
            }
        } catch {
            throw TestFailure("\(error)\n\(try client().call(.list(.ledgerStatus)))")
        }
    }
}

extension BlockingAgentClient {
    /// How far a block is on its way.
    func publication(_ cid: String) throws -> AgentPublication {
        guard let publication = try call(.publication(of: cid)).publications.first else {
            throw TestFailure("no publication of \(cid)")
        }
        return publication
    }
}

extension AgentResponse {
    /// "" where there is no such field.
    func field(_ name: String) -> String { fields.first { $0.name == name }?.value ?? "" }
}
