import AgentProtocol
import ArgumentParser
import DTABytes
import DTACourier
import DTAFormats
import DTASystem
import Glibc

struct OrderVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify an order from first to last message, as an auditor does.",
        discussion: """
            Of a CAR file everything that is public is verified, without any agent and without any key: who made which \
            message, its signature, what it answers, the order of the messages, that there is one commitment and one release \
            for each use. That proves what happened and who did it, not what it was about. With REF the messages come from \
            the agent, and what your identities can open is verified too: the terms, the approvals, that what was released \
            fits the commitment. --open does that for a file. No file can say who the senders are: compare their CIDs.

            Example:
              dtactl order verify order.car
              dtactl order verify k3v7xq2a
            """)

    @Argument(
        help: "A CAR file, - for standard input, or an order.", completion: .file(),
        transform: FileName.argument)
    var source: String

    @Flag(help: "Of a file: have the agent open what it can, and verify that too.")
    var open = false

    @Flag(help: "Of an order here: open nothing.")
    var skeleton = false

    @Flag(help: "What is missing is an error too.")
    var complete = false

    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if open, skeleton { throw ValidationError("--open or --skeleton, not both.") }
    }

    func run() throws {
        let reports = try isFile ? file() : [order()]
        for report in reports {
            if agent.json { try report.json.show() } else { try report.show() }
        }
        let verdicts = reports.map(\.thread.verdict)
        if verdicts.contains(.bad) || (complete && verdicts.contains(.incomplete)) {
            throw ExitCode(Failure.Exit.failed.rawValue)
        }
    }

    /// If the argument looks like the name of an order, and no such file exists, it is an order.
    private var isFile: Bool {
        if source == "-" || source.contains("/") || source.hasSuffix(".car") { return true }
        return access(NativeText.path(source), F_OK) == 0
    }

    private func file() throws -> [OrderReport] {
        let file = try BlockFile(source)
        let blocks = BlockFiles([file])
        let orders = try OrderThread.orders(in: file.documents, blocks)
        guard !orders.isEmpty else { throw Failure.failed(.notFound, "there is no order in \(file.file.name)") }
        let client = open ? agent.connect() : nil
        return try orders.map { order in
            let parts = try OrderThread(order, in: file.documents, blocks).parts
            let texts = try client.map { try OrderPlaintexts.open(parts.map(\.cid), $0) } ?? [:]
            return OrderReport(
                thread: try OrderThread(order, in: file.documents, blocks, plaintexts: texts),
                documents: file.documents, broken: file.documents.broken)
        }
    }

    private func order() throws -> OrderReport {
        let client = agent.connect()
        let shown = try client.call(.showOrder(source))
        guard let order = shown.orders.first else {
            throw DTAError(.internal, "the agent answered without the order")
        }
        let counted = order.counted(shown.parts, client)
        let left = shown.parts.count - counted.count
        if left > 0 {
            StandardError.note(
                "left out: \(left) message\(left == 1 ? "" : "s") that the agent refused; order show has them")
        }
        let parts = try counted.map { try CID($0.cid) }
        var blocks: [CID: [UInt8]] = [:]
        var documents = CollectedDocuments()
        var history = try HistoryFetcher(client, roots: [try CID(order.cid)] + parts)
        try history.run { block in
            blocks[block.cid] = block.bytes
            documents.add(block)
        }
        let texts = skeleton ? [:] : try OrderPlaintexts.open(parts, client)
        let parties = Parties(client)
        var seen: [CID: (time: Int64, arrival: Int)] = [:]
        for (cid, saw) in order.seen(shown.parts, parties) { seen[try CID(cid)] = saw }
        let thread = try OrderThread(CID(order.cid), in: documents, blocks, plaintexts: texts, seen: seen)
        return OrderReport(thread: thread, documents: documents, broken: documents.broken, parties: parties)
    }
}

/// The parts of an order that the caller's identities can open.
enum OrderPlaintexts {
    /// The plaintexts include releases, so they are secrets.
    static func open(_ parts: [CID], _ client: BlockingAgentClient) throws -> [CID: SecretReference] {
        var texts: [CID: SecretReference] = [:]
        for cid in parts {
            do {
                // Whether this host trusts the sender does not matter for whether the part is valid.
                var answer = try client.call(.openEnvelope(cid.description, allowUntrusted: true))
                texts[cid] = SecretReference(answer.takeSecret())
            } catch let error as DTAError
                where [.permissionDenied, .notFound, .failedPrecondition, .invalidArgument].contains(error.code)
            {
                // It is sealed to others.
            }
        }
        return texts
    }
}
