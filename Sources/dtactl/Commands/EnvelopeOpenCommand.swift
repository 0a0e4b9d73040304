import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct EnvelopeOpenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open", abstract: "Open an envelope that was sealed to you, and write its content.",
        discussion: """
            A content of more than 256 KiB goes to --out: the file is there when all of it is verified, or not at all. With \
            --out - it is written as it comes, so a failure can follow after a part of it.

            Example:
              dtactl envelope open bafy… --out contract.pdf
            """)

    @Argument(help: "The envelope's CID.")
    var cid: String

    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("The recipient to open as; by default the one of yours that fits.", valueName: "name"),
        completion: .identityNames)
    var recipient: String?

    @Flag(help: "Open it although this host does not trust its sender.")
    var allowUntrusted = false

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        var answer = try client.call(.openEnvelope(cid, as: recipient, allowUntrusted: allowUntrusted))
        let json = [("cid", JSON.string(answer.cid))] + answer.fields.map { ($0.name, JSON.string($0.value)) }
        tell(answer)
        guard BodyOpener.isNeeded(for: answer) else {
            return try output.put(
                answer.takeSecret(), what: "content", mayBeText: true, member: "data", json: agent.json ? json : nil)
        }
        guard let out = output.out, out != "-" || !agent.json else {
            throw Failure.usage(
                "the content has \(HumanUnits.size(answer.size)): that is written to a file",
                hint: agent.json ? "name one with --out FILE" : "name one with --out FILE, or insist with --out -")
        }
        try stream(try BodyOpener(client: client, &answer), to: out)
        if agent.json {
            let size = JSON.number(Int64(clamping: answer.size))
            try JSON.object(json + [("out", .string(NativeText.shown(out))), ("size", size)]).show()
        } else if out != "-" {
            StandardError.note("\(out): content, \(HumanUnits.size(answer.size))")
        }
    }

    private func stream(_ body: BodyOpener, to out: String) throws {
        let interruption = try Interruption()
        let file = try StreamedFile(out)
        if let temporary = file.temporary { interruption.undo { OutputFile.remove(temporary) } }
        try body.open(showsProgress: !agent.json && out != "-", file.write)
        try file.finish()
        interruption.undo(nil)
    }

    /// Names the sender: on a terminal always, otherwise only if the sender cannot be relied on.
    private func tell(_ answer: AgentResponse) {
        func field(_ name: String) -> String { answer.fields.first { $0.name == name }?.value ?? "" }
        let (trust, standing) = (field("trust"), field("standing"))
        if !agent.json {
            for field in answer.fields where field.name != "trust" && field.name != "standing" {
                let time = field.name == "created" ? Int64(field.value).map { HumanUnits.time(unixSeconds: $0) } : nil
                StandardError.note("\(field.name): \(time ?? field.value)")
            }
            StandardError.note("sender: \(trust) here, \(standing) when the envelope came")
        }
        if Trust(rawValue: trust) != .trusted || Standing.Kind(rawValue: standing) != .current {
            StandardError.warn(
                "careful: the sender \(field("from")) is \(trust) here, and was \(standing) when the envelope came")
        }
    }
}
