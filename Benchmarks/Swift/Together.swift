import AgentProtocol
import DTASystem
import Foundation

/// How often a second so many clients together do `body`, each with a connection of its own, one after the other.
/// - Parameter body: gets the client and its number, from 0.
func together(
    _ socket: String, clients: Int, seconds: Double,
    _ body: @escaping @Sendable (BlockingAgentClient, Int) throws -> Void
) throws -> Double {
    let results = Monitor<[Result<Double, any Error>]>([])
    for number in 0..<clients {
        Foundation.Thread.detachNewThread {
            let result = Result {
                let client = BlockingAgentClient(socketPath: socket)
                return try rate(seconds: seconds) { try body(client, number) }
            }
            results.withLockSignalling { $0.append(result) }
        }
    }
    let all: [Result<Double, any Error>] = results.wait { $0.count == clients ? $0 : nil } ?? []
    return try all.reduce(0) { try $0 + $1.get() }
}

extension BlockingAgentClient {
    /// The CID of an identity of the agent's, which is made if it is not there.
    func own(_ name: String) throws -> String {
        if let known = try? call(.showIdentity(name)) { return known.cid }
        return try call(.createIdentity(name)).cid
    }
}
