import AgentProtocol
import ArgumentParser
import DTABytes
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

    @Argument(
        help: "The envelope's CID, or a file with its block; - is standard input.", completion: .file(),
        transform: FileName.argument)
    var envelope: String

    @Option(
        help: ArgumentHelp("A file with the sender's document.", valueName: "file"), completion: .file(),
        transform: FileName.argument)
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
        let recipients = recipients(signed, client)
        if agent.json {
            try JSON.object(members(signed, finding, recipients)).show()
        } else {
            try show(signed, finding, recipients)
        }
        if case .bad = finding { throw ExitCode(Failure.Exit.failed.rawValue) }
    }

    private enum Finding {
        case good(sender: SignedIdentity)
        case bad(String)
        /// The sender's document is missing, so the signature cannot be checked.
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

    /// All recipients, or why they cannot be listed: more than 256 are in separate blocks.
    private func recipients(_ signed: SignedEnvelope, _ client: BlockingAgentClient) -> Result<[CID], Failure> {
        do {
            return .success(
                try signed.envelope.recipients { [UInt8](try client.call(.getBlock($0.description)).data) })
        } catch {
            return .failure(Failure(error))
        }
    }

    private func show(
        _ signed: SignedEnvelope, _ finding: Finding, _ recipients: Result<[CID], Failure>
    ) throws {
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
        details.add("thread", Hexadecimal.encode(header.thread))
        if let previous = header.previous { details.add("previous", previous.description) }
        switch recipients {
        case .success(let to):
            let shown = to.prefix(Self.shownRecipients).map(\.description)
            let more = to.count > shown.count ? ["and \(to.count - shown.count) others"] : []
            details.add(
                to.count == 1 ? "recipient" : "recipients",
                to.isEmpty ? "none: this is public" : (shown + more).joined(separator: "\n"))
        case .failure(let why): details.add("recipients", "in other blocks: \(why.message)", .warning)
        }
        details.add("size", sizes(signed))
        try details.show()
    }

    private static let shownRecipients = 20

    private func sizes(_ signed: SignedEnvelope) -> String {
        let envelope = signed.envelope
        let body = "\(HumanUnits.size(UInt64(envelope.contentSize))) of content"
        let block = "a block of \(HumanUnits.size(UInt64(signed.block.count)))"
        guard let chunks = envelope.chunks else { return "\(body) in \(block)" }
        let lists = chunks.pages.isEmpty ? "" : " and \(chunks.pages.count) lists of them"
        let count = chunks.plan.blockCount
        return "\(body) in \(count) block\(count == 1 ? "" : "s")\(lists), beside \(block)"
    }

    private func members(
        _ signed: SignedEnvelope, _ finding: Finding, _ recipients: Result<[CID], Failure>
    ) -> [(String, JSON)] {
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
            ("content_type", .string(header.content)), ("thread", .string(Hexadecimal.encode(header.thread))),
            ("previous", header.previous.map { .string($0.description) } ?? .null),
            ("public", .bool(signed.envelope.isPublic)),
            ("to", (try? recipients.get()).map { .array($0.map { .string($0.description) }) } ?? .null),
            ("size", .number(Int64(signed.envelope.contentSize))), ("block_size", .number(Int64(signed.block.count))),
            ("body_blocks", .number(Int64(signed.envelope.chunks?.plan.blockCount ?? 0))),
        ]
    }
}
