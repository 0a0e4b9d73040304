import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct EnvelopeSealCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal", abstract: "Seal a file to one or more identities, and print the envelope's CID.",
        discussion: """
            The file may have any size. What is larger than 256 KiB is encrypted here, with a key of this one envelope, and \
            stored by the agent in blocks. --to @FILE takes recipients from a file, one a line; # begins a comment.

            Example:
              dtactl envelope seal --from alice --to bob contract.pdf --content-type application/pdf
              dtactl envelope seal --from alice --to @board.txt --reply-to bafy… minutes.pdf
              dtactl envelope seal --from alice --public notice.txt
            """)

    @Option(help: ArgumentHelp("The sender: one of your identities.", valueName: "name"), completion: .identityNames)
    var from: String

    @Option(
        help: ArgumentHelp("A recipient, a CID or a name, or @FILE; repeat it for more.", valueName: "cid"),
        completion: .identityNames)
    var to: [String] = []

    @Flag(name: .customLong("public"), help: "For anybody to read: signed, and not sealed.")
    var isPublic = false

    @Option(help: ArgumentHelp("The envelope that this one answers.", valueName: "cid"))
    var replyTo: String?

    @Argument(
        help: "The file; standard input if it is - or missing.", completion: .file(),
        transform: FileName.argument)
    var file: String?

    @Option(help: ArgumentHelp("The media type of the content.", valueName: "type"))
    var contentType = ""

    @OptionGroup var publication: PublicationOptions
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        for file in to where file.hasPrefix("@") { _ = FileName.argument(file) }
        if to.isEmpty, !isPublic { throw ValidationError("Name at least one recipient with --to, or use --public.") }
        if !to.isEmpty, isPublic { throw ValidationError("A public envelope has no recipients: --to or --public.") }
    }

    func run() throws {
        let address = AgentRequest.EnvelopeAddress(
            from: from, to: try RecipientList.read(to), contentType: contentType, replyTo: replyTo ?? "")
        let input = try InputFile(file)
        let beginning = try input.piece(ChunkPlan.blockContent)
        let client = agent.connect()
        let cid: String
        if beginning.count <= Envelope.bodyLimit {
            cid = try client.call(.sealEnvelope(address, plaintext: beginning), timeout: .seconds(120)).cid
        } else {
            cid = try BodySealer(client: client, address: address, showsProgress: !agent.json)
                .seal(input, after: beginning)
        }
        if agent.json {
            try JSON.object([("cid", .string(cid))]).show()
        } else {
            try StandardOutput.line(SafeText.line(cid))
        }
        try publication.settle([cid], agent)
    }
}
