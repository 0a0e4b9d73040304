import AgentProtocol
import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem
import FoundationEssentials

struct LedgerExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write blocks and their whole history as a CAR, for another ledger.",
        discussion: """
            The archive holds all that the blocks link to: the envelopes that an envelope answers, the documents of their \
            senders and recipients, the blocks of their bodies; and what is known here of those identities' rotations and \
            revocations. Every block is checked against its CID here.

            Example:
              dtactl ledger export bafy… > thread.car
              dtactl ledger export bafy… --out thread.car
            """)

    @Argument(help: "The CIDs of the blocks.")
    var cids: [String]

    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp(
            "Write to a file (mode 0600, there whole or not at all); - is standard output.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var out: String?

    @Flag(help: "Write what is here, even if a part of the history is missing.")
    var partial = false

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let roots = try cids.map(Self.root)
        guard out != nil || !Terminal.output.isTerminal else {
            throw Failure.usage(
                "a CAR is binary: it is not written to a terminal",
                hint: "write it to a file with --out FILE, or insist with --out -")
        }
        let target = out ?? "-"
        guard !agent.json || target != "-" else {
            throw Failure.usage("with --json the CAR needs a file of its own", hint: "name one with --out FILE")
        }
        let interruption = try Interruption()
        let file = try StreamedFile(target)
        if let temporary = file.temporary { interruption.undo { OutputFile.remove(temporary) } }
        let (writer, history) = try write(roots, to: file)
        let missing = history.missing
        if let reason = history.reason, !partial { throw Self.refusal(missing, reason) }
        try file.finish()
        interruption.undo(nil)
        try tell(writer, missing, roots, target)
    }

    private static func root(_ text: String) throws -> CID {
        do {
            return try CID(text)
        } catch let error as FormatError {
            throw Failure.failed(.invalidArgument, "\(text) is not a CID: \(error.reason)")
        }
    }

    private static func refusal(_ missing: [CID], _ reason: DTAError) -> Failure {
        let what = missing.count == 1 ? "a block of the history is" : "\(missing.count) blocks of the history are"
        return .failed(
            reason.code, "\(what) not to be had here: \(reason.message)", hint: "--partial writes the CAR without that")
    }

    private func write(_ roots: [CID], to file: StreamedFile) throws -> (CARWriter, HistoryFetcher) {
        var progress = ProgressBar(total: nil, isShown: !agent.json)
        defer { progress.end() }
        var history = try HistoryFetcher(agent.connect(), roots: roots)
        var writer = try CARWriter(roots: roots) { try file.write(Data($0)) }
        try history.run { block in
            try writer.append(block)
            progress.advance(by: block.bytes.count)
        }
        return (writer, history)
    }

    private func tell(_ writer: CARWriter, _ missing: [CID], _ roots: [CID], _ target: String) throws {
        if agent.json {
            return try JSON.object([
                ("roots", .array(roots.map { .string($0.description) })), ("blocks", .number(Int64(writer.blocks))),
                ("missing", .array(missing.map { .string($0.description) })),
                ("out", .string(NativeText.shown(target))),
                ("size", .number(Int64(clamping: writer.size))),
            ]).show()
        }
        for cid in missing { StandardError.warn("not to be had here: \(cid)") }
        let name = target == "-" ? "CAR" : target
        StandardError.note("\(name): \(writer.blocks) blocks, \(HumanUnits.size(writer.size))")
    }
}
