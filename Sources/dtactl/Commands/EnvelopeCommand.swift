import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct EnvelopeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "envelope", abstract: "Envelopes: sealed to identities, signed by one, published by CID.",
        subcommands: [EnvelopeSealCommand.self, EnvelopeOpenCommand.self, EnvelopeInspectCommand.self])
}

struct EnvelopeSealCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal", abstract: "Seal a file to one or more identities, and print the envelope's CID.",
        discussion: """
            Example:
              dtactl envelope seal --from alice --to bob contract.pdf --content-type application/pdf
            """)

    @Option(help: ArgumentHelp("The sender: one of your identities.", valueName: "name"), completion: .identityNames)
    var from: String

    @Option(
        help: ArgumentHelp("A recipient, a CID or a name; repeat it for more.", valueName: "cid"),
        completion: .identityNames)
    var to: [String]

    @Argument(help: "The file, up to 256 KiB; standard input where it is - or missing.", completion: .file())
    var file: String?

    @Option(help: ArgumentHelp("The media type of the content.", valueName: "type"))
    var contentType = ""

    @OptionGroup var publication: PublicationOptions
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if to.isEmpty { throw ValidationError("Name at least one recipient with --to.") }
    }

    func run() throws {
        let content = try InputFile(file).all(limit: Envelope.bodyLimit)
        let cid = try agent.call(.sealEnvelope(from: from, to: to, plaintext: content, contentType: contentType)).cid
        if agent.json {
            try JSON.object([("cid", .string(cid))]).show()
        } else {
            try StandardOutput.line(SafeText.line(cid))
        }
        try publication.settle([cid], agent)
    }
}

struct EnvelopeOpenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open", abstract: "Open an envelope that was sealed to you, and write its content.",
        discussion: """
            Example:
              dtactl envelope open bafy… --out contract.pdf
            """)

    @Argument(help: "The envelope's CID.")
    var cid: String

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("The recipient to open as; whichever of yours fits where missing.", valueName: "name"),
        completion: .identityNames)
    var recipient: String?

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let answer = try agent.call(.openEnvelope(cid, as: recipient))
        let json = [("cid", JSON.string(answer.cid))] + answer.fields.map { ($0.name, JSON.string($0.value)) }
        if !agent.json, Terminal.error.isTerminal {
            for field in answer.fields {
                let time = field.name == "created" ? Int64(field.value).map { HumanUnits.time(unixSeconds: $0) } : nil
                StandardError.note("\(field.name): \(time ?? field.value)")
            }
        }
        try output.put(
            [UInt8](answer.data), what: "content", mayBeText: true, member: "data", json: agent.json ? json : nil)
    }
}
