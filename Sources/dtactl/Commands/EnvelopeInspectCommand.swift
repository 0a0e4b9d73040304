import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct EnvelopeInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show what anybody can see of an envelope, and verify its signature.",
        discussion: """
            It is read and verified here, with public keys only. The sender's document comes from the ledger, or from \
            --sender. A file instead of a CID needs no agent, if --sender is given too.

            Example:
              dtactl envelope inspect bafy…
              dtactl envelope inspect letter.envelope --sender alice.identity
            """)

    @Argument(help: "The envelope's CID, or a file with its block; - is standard input.", completion: .file())
    var envelope: String

    @Option(help: ArgumentHelp("A file with the sender's document.", valueName: "file"), completion: .file())
    var sender: String?

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        let signed: SignedEnvelope
        if let cid = try? CID(envelope) {
            signed = try SignedEnvelope(block: [UInt8](client.call(.getBlock(envelope)).data), named: cid)
        } else {
            signed = try SignedEnvelope(block: InputFile(envelope).all(limit: SignedEnvelope.maximumSize))
        }
        let finding = try verify(signed, client)
        if agent.json {
            try JSON.object(members(signed, finding)).show()
        } else {
            try show(signed, finding)
        }
        if case .bad = finding { throw ExitCode(Failure.Exit.failed.rawValue) }
    }

    private enum Finding {
        case good(sender: SignedIdentity)
        case bad(String)
        /// The sender's document is not at hand: nothing is known.
        case unknown(String)
    }

    private func verify(_ signed: SignedEnvelope, _ client: BlockingAgentClient) throws -> Finding {
        let document: SignedIdentity
        if let sender {
            document = try SignedIdentity(block: InputFile(sender).all(limit: SignedIdentity.maximumSize))
        } else {
            let from = signed.envelope.header.from
            do {
                document = try SignedIdentity(
                    block: [UInt8](client.call(.getBlock(from.description)).data), named: from)
            } catch let error as AgentUnreachable {
                return .unknown("the agent cannot be reached, and there is no --sender: \(error.error.message)")
            } catch let error as DTAError {
                return .unknown("the sender's document cannot be had: \(error.message)")
            }
        }
        do {
            try signed.verify(sender: document)
            return .good(sender: document)
        } catch let error as FormatError {
            return .bad(error.reason)
        }
    }

    private func show(_ signed: SignedEnvelope, _ finding: Finding) throws {
        let header = signed.envelope.header
        var details = Details()
        details.add("cid", signed.cid.description, .bold)
        details.add("from", header.from.description)
        if case .good(let sender) = finding { details.add("", "calls itself \(sender.identity.name)") }
        switch finding {
        case .good: details.add("signature", "valid", .good)
        case .bad(let why): details.add("signature", "NOT valid: \(why)", .bad)
        case .unknown(let why): details.add("signature", "not verified: \(why)", .warning)
        }
        details.add("created", HumanUnits.time(unixSeconds: header.created) + ", as the sender says")
        details.add("content", header.content)
        details.add("thread", Hex.encode(header.thread))
        if let previous = header.previous { details.add("previous", previous.description) }
        let recipients = ((try? signed.envelope.recipients()) ?? []).map(\.description)
        details.add(
            recipients.count == 1 ? "recipient" : "recipients",
            recipients.isEmpty ? "none: this is public" : recipients.joined(separator: "\n"))
        details.add("size", sizes(signed))
        try details.show()
    }

    private func sizes(_ signed: SignedEnvelope) -> String {
        let body = HumanUnits.size(UInt64(signed.envelope.contentSize))
        return "\(body) of content in a block of \(HumanUnits.size(UInt64(signed.block.count)))"
    }

    private func members(_ signed: SignedEnvelope, _ finding: Finding) -> [(String, JSON)] {
        let header = signed.envelope.header
        let (valid, reason): (JSON, JSON) =
            switch finding {
            case .good: (.bool(true), .null)
            case .bad(let why): (.bool(false), .string(why))
            case .unknown(let why): (.null, .string(why))
            }
        return [
            ("cid", .string(signed.cid.description)), ("from", .string(header.from.description)),
            ("signature_valid", valid), ("signature_problem", reason), ("created", .number(header.created)),
            ("content_type", .string(header.content)), ("thread", .string(Hex.encode(header.thread))),
            ("previous", header.previous.map { .string($0.description) } ?? .null),
            ("to", .array(((try? signed.envelope.recipients()) ?? []).map { .string($0.description) })),
            ("size", .number(Int64(signed.envelope.contentSize))), ("block_size", .number(Int64(signed.block.count))),
        ]
    }
}
