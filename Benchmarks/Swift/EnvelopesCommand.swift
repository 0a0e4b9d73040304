import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem
import Foundation
import Glibc

/// Envelopes sealed and opened a second by an agent, by so many clients at once, each with a connection of its own.
struct EnvelopesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "envelopes",
        abstract: "Envelopes a second by an agent. It gets identities and blocks: use a private one.")

    @Argument(help: "The agent's socket.") var socket: String
    @Option var recipients = 1
    @Option var clients = 1
    @Option var seconds = 1.0
    @Option(help: "Bytes of plaintext.") var body = 1024

    func run() throws {
        let client = BlockingAgentClient(socketPath: socket)
        let sender = try own("bench-sender", client)
        // One recipient is the agent's own, so that it can open what was sealed; the others are elsewhere.
        var to = [try own("bench-reader", client)]
        for number in 1..<max(recipients, 1) {
            let person = try Recipient("bench-\(number)")
            to.append(
                try client.call(.putBlock(person.document.block, contentType: "application/vnd.ipld.dag-cbor")).cid)
        }
        let plaintext = [UInt8](repeating: 7, count: body)
        let recipients = to
        let sealing = try together { client, _ in
            _ = try client.call(.sealEnvelope(from: sender, to: recipients, plaintext: plaintext))
        }
        let envelope = try client.call(.sealEnvelope(from: sender, to: recipients, plaintext: plaintext)).cid
        let opening = try together { client, _ in _ = try client.call(.openEnvelope(envelope)) }
        report([("seal", sealing), ("open", opening)])
    }

    private func own(_ name: String, _ client: BlockingAgentClient) throws -> String {
        if let known = try? client.call(.showIdentity(name)) { return known.cid }
        return try client.call(.createIdentity(name)).cid
    }

    /// How often a second all clients together do `body`.
    private func together(_ body: @escaping @Sendable (BlockingAgentClient, Int) throws -> Void) throws -> Double {
        let (path, seconds) = (socket, seconds)
        let results = Monitor<[Result<Double, any Error>]>([])
        for number in 0..<clients {
            Foundation.Thread.detachNewThread {
                let result = Result {
                    let client = BlockingAgentClient(socketPath: path)
                    return try rate(seconds: seconds) { try body(client, number) }
                }
                results.withLockSignalling { $0.append(result) }
            }
        }
        let all: [Result<Double, any Error>] = results.wait { $0.count == clients ? $0 : nil } ?? []
        return try all.reduce(0) { try $0 + $1.get() }
    }
}
