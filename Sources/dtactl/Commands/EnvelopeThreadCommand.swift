import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct EnvelopeThreadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "thread", abstract: "Show the conversation that an envelope belongs to, and verify it.",
        discussion: """
            Each envelope is fetched and its signature verified here, with public keys only: ✓ fits, ✗ does not, ? cannot be \
            told because something is not here. Whether a sender is trusted, and how he stood when the envelope came, is \
            what the agent knows.

            Example:
              dtactl envelope thread bafy…
            """)

    @Argument(help: "The CID of one of its envelopes.")
    var cid: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        let envelopes = try all(client)
        var verifier = EnvelopeVerifier(AgentBlocks(client: client), scope: .signature)
        var aliases: [String: String] = [:]
        let rows = try envelopes.map { envelope in
            if aliases[envelope.from] == nil { aliases[envelope.from] = alias(envelope.from, client) }
            let sender = EnvelopeRow.Sender(
                alias: aliases[envelope.from] ?? "", trust: envelope.trust, standing: envelope.standing,
                received: envelope.received)
            return EnvelopeRow(try verifier.verify(CID(envelope.cid)), sender: sender)
        }
        try EnvelopeTree(rows).show(json: agent.json)
        if rows.contains(where: { $0.finding.verdict == .bad }) { throw ExitCode(Failure.Exit.failed.rawValue) }
    }

    private func all(_ client: BlockingAgentClient) throws -> [AgentEnvelope] {
        var envelopes: [AgentEnvelope] = []
        var cursor = ""
        repeat {
            let page = try client.call(.envelopeThread(cid, count: 1000, cursor: cursor))
            envelopes += page.envelopes
            cursor = page.cursor
        } while !cursor.isEmpty
        return envelopes
    }

    /// What the host calls a sender, where it knows him.
    private func alias(_ identity: String, _ client: BlockingAgentClient) -> String {
        (try? client.call(.showIdentity(identity)))?.identities.first?.alias ?? ""
    }
}

/// The agent's ledger as a source of blocks.
struct AgentBlocks: BlockSource {
    let client: BlockingAgentClient

    func block(_ cid: CID) throws -> [UInt8]? {
        do {
            return try [UInt8](client.call(.getBlock(cid.description)).data)
        } catch let error as DTAError where error.code == .notFound {
            return nil
        }
    }
}
