import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct EnvelopeThreadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "thread", abstract: "Show the conversation that an envelope belongs to, and verify it.",
        discussion: """
            Each envelope is fetched, from IPFS too if dtad has a node, and its signature is verified here, with \
            public keys only: ✓ fits, ✗ does not, ? cannot be told because something is not here. Whether a sender is \
            trusted, and how it stood when the envelope came, is what the agent knows.

            Example:
              dtactl envelope thread bafy…
            """)

    @Argument(help: "The CID of one of its envelopes.")
    var cid: String

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        let blocks = AgentBlocks(client: client)
        try bring(blocks)
        let envelopes = try all(client)
        var verifier = EnvelopeVerifier(blocks, scope: .signature)
        var senders: [String: AgentIdentity] = [:]
        let rows = try envelopes.map { envelope in
            let known = senders[envelope.from] ?? identity(envelope.from, client)
            senders[envelope.from] = known
            let sender = EnvelopeRow.Sender(
                alias: known.alias, called: known.own ? known.name : known.alias, trust: envelope.trust,
                standing: envelope.standing, received: envelope.received)
            return EnvelopeRow(try verifier.verify(CID(envelope.cid)), sender: sender)
        }
        try EnvelopeTree(rows).show(json: agent.json)
        if rows.contains(where: { $0.finding.verdict == .bad }) { throw ExitCode(Failure.Exit.failed.rawValue) }
    }

    /// Makes the agent fetch the envelopes that this one answers, back to the first, as far as possible: the agent
    /// lists only envelopes that it has.
    private func bring(_ blocks: AgentBlocks) throws {
        guard let start = try? CID(cid) else { return }
        var senders: Set<CID> = []
        var next: CID? = start
        while let wanted = next {
            // If a block is no envelope, or cannot be had, the agent and the list say so.
            guard let block = try blocks.block(wanted),
                let header = try? SignedEnvelope(block: block, named: wanted).envelope.header
            else { return }
            if senders.insert(header.from).inserted { _ = try blocks.block(header.from) }
            next = header.previous
        }
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

    /// What the host knows about a sender; empty if it does not know the sender.
    private func identity(_ cid: String, _ client: BlockingAgentClient) -> AgentIdentity {
        (try? client.call(.showIdentity(cid)))?.identities.first ?? AgentIdentity()
    }
}

/// The agent's ledger as a source of blocks.
struct AgentBlocks: BlockSource {
    let client: BlockingAgentClient

    func block(_ cid: CID) throws -> [UInt8]? {
        do {
            return try get(cid, localOnly: false)
        } catch let error as DTAError where error.code == .unavailable {
            // An IPFS node that is away must not hide blocks that are here.
            return try get(cid, localOnly: true)
        }
    }

    private func get(_ cid: CID, localOnly: Bool) throws -> [UInt8]? {
        do {
            return try [UInt8](client.call(.getBlock(cid.description, localOnly: localOnly)).data)
        } catch let error as DTAError where error.code == .notFound {
            return nil
        }
    }
}
