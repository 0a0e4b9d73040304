import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct LedgerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "The ledger: blocks named by their hash.",
        subcommands: [
            LedgerPutCommand.self, LedgerGetCommand.self, LedgerListCommand.self, LedgerExportCommand.self,
            LedgerImportCommand.self, LedgerStatusCommand.self, LedgerGCCommand.self,
        ])
}

struct LedgerPutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Store a file of up to 1 MiB as a block, and print its CID.",
        discussion: """
            Example:
              dtactl ledger put notice.txt
              dtactl ledger put bob.identity --type dag-cbor
            """)

    enum BlockType: String, CaseIterable, ExpressibleByArgument {
        case raw
        case dagCBOR = "dag-cbor"
    }

    @Argument(
        help: "The file; - is standard input.", completion: .file(),
        transform: FileName.argument)
    var file: String

    @Option(name: [.long, .customShort("t")], help: "dag-cbor: identities, envelopes and other documents.")
    var type = BlockType.raw

    @OptionGroup var publication: PublicationOptions
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let block = try InputFile(file).all(limit: 1 << 20)
        let cid = try agent.call(.putBlock(block, contentType: "application/vnd.ipld.\(type.rawValue)")).cid
        if agent.json {
            try JSON.object([("cid", .string(cid)), ("size", .number(Int64(block.count)))]).show()
        } else {
            try StandardOutput.line(SafeText.line(cid))
        }
        try publication.settle([cid], agent)
    }
}

struct LedgerGetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Read a block; it is checked against its CID here.",
        discussion: """
            Example:
              dtactl ledger get bafk… --out notice.txt
            """)

    @Argument(help: "The block's CID.")
    var cid: String

    @Flag(help: "Do not ask the IPFS node for a block that is not here.")
    var local = false

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let name: CID
        do {
            name = try CID(cid)
        } catch let error as FormatError {
            throw Failure.failed(.invalidArgument, "\(cid) is not a CID: \(error.reason)")
        }
        let block = try [UInt8](agent.call(.getBlock(cid, localOnly: local)).data)
        guard name.names(block) else {
            throw Failure.failed(.dataLoss, "the agent answered a block that is not the one \(cid) names")
        }
        try output.put(
            block, what: "block", mayBeText: true, member: "data", json: agent.json ? [("cid", .string(cid))] : nil)
    }
}

struct LedgerListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the blocks that are stored here, newest first.",
        discussion: """
            Example:
              dtactl ledger list
            """)

    @Option(name: [.long, .customShort("n")], help: "How many at most; by default all of them.")
    var last: Int?

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if let last, last < 1 { throw ValidationError("--last is at least 1.") }
    }

    func run() throws {
        let blocks: [AgentBlock]
        if let last, last <= 1000 {
            blocks = try agent.call(.list(.ledgerList, count: UInt32(last))).blocks
        } else {
            blocks = try Array(agent.all(.ledgerList, \.blocks).prefix(last ?? .max))
        }
        if agent.json { return try JSON.showLines(blocks.map(\.json)) }
        guard !blocks.isEmpty else { return StandardError.note("the ledger is empty") }
        var table = Table([
            .init(title: "cid", minimum: 14, cut: .middle), .init(title: "kind"), .init(title: "size", isNumber: true),
            .init(title: "place"), TimeColumn.column("stored"),
        ])
        for block in blocks {
            table.add([
                .init(block.cid), .init(block.kind), .init(HumanUnits.size(block.size)), .init(block.place),
                .init(TimeColumn.text(block.stored)),
            ])
        }
        try table.show()
    }
}

extension AgentBlock {
    fileprivate var json: JSON {
        .object([
            ("cid", .string(cid)), ("kind", .string(kind)), ("size", .number(Int64(clamping: size))),
            ("stored", .number(stored)), ("place", .string(place)),
        ])
    }
}
