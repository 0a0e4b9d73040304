import AgentProtocol
import ArgumentParser

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
        let sender = try client.own("bench-sender")
        // One recipient is the agent's own, so that it can open what was sealed; the others are on other hosts.
        var to = [try client.own("bench-reader")]
        for number in 1..<max(recipients, 1) {
            let person = try Recipient("bench-\(number)")
            to.append(
                try client.call(.putBlock(person.document.block, contentType: "application/vnd.ipld.dag-cbor")).cid)
        }
        let plaintext = [UInt8](repeating: 7, count: body)
        let recipients = to
        let sealing = try together(socket, clients: clients, seconds: seconds) { client, _ in
            _ = try client.call(.sealEnvelope(from: sender, to: recipients, plaintext: plaintext))
        }
        let envelope = try client.call(.sealEnvelope(from: sender, to: recipients, plaintext: plaintext)).cid
        let opening = try together(socket, clients: clients, seconds: seconds) { client, _ in
            _ = try client.call(.openEnvelope(envelope))
        }
        report([("seal", sealing), ("open", opening)])
    }
}
