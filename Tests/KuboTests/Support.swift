import AgentProtocol
import DTASystem
import Foundation
import TestSupport

extension TestAgent {
    /// An agent with an IPFS node, which looks for it often.
    convenience init(publishingTo api: String, more: [String] = []) throws {
        try self.init(starting: false)
        try publish(to: api, more: more)
        try start()
    }

    func publish(to api: String, more: [String] = []) throws {
        let lines = ["ledger:", "  kubo:", "    api: \(api)", "    retry_max_ms: 200"] + more.map { "    " + $0 }
        try addConfiguration(lines.joined(separator: "\n"))
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

/// `dtactl` with an agent.
func dtactl(_ agent: TestAgent, _ arguments: String...) throws -> Finished {
    try run(Binary.path("dtactl"), arguments + ["--socket", agent.socketPath])
}
