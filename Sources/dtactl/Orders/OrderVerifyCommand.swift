import AgentProtocol
import ArgumentParser
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

    /// What looks like an order's name and is no file is one.
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
            var texts = try client.map { try OrderPlaintexts.open(parts.map(\.cid), $0) } ?? [:]
            defer { OrderPlaintexts.wipe(&texts) }
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
        var texts = skeleton ? [:] : try OrderPlaintexts.open(parts, client)
        defer { OrderPlaintexts.wipe(&texts) }
        let parties = Parties(client)
        var seen: [CID: (time: Int64, arrival: Int)] = [:]
        for (cid, saw) in order.seen(shown.parts, parties) { seen[try CID(cid)] = saw }
        let thread = try OrderThread(CID(order.cid), in: documents, blocks, plaintexts: texts, seen: seen)
        return OrderReport(thread: thread, documents: documents, broken: documents.broken, parties: parties)
    }
}

/// What the caller's identities can open of an order.
enum OrderPlaintexts {
    static func open(_ parts: [CID], _ client: BlockingAgentClient) throws -> [CID: [UInt8]] {
        var texts: [CID: [UInt8]] = [:]
        for cid in parts {
            do {
                // Whether its sender is trusted here is another question than whether it fits.
                var answer = try client.call(.openEnvelope(cid.description, allowUntrusted: true))
                texts[cid] = answer.takeSecret()
            } catch let error as DTAError
                where [.permissionDenied, .notFound, .failedPrecondition, .invalidArgument].contains(error.code)
            {
                // Not ours to read.
            }
        }
        return texts
    }

    /// A release is among them.
    static func wipe(_ texts: inout [CID: [UInt8]]) {
        for cid in Array(texts.keys) {
            guard var text = texts.removeValue(forKey: cid) else { continue }
            DTASystem.wipe(&text)
        }
    }
}

/// What was found out about one order.
struct OrderReport {
    let thread: OrderThread
    let documents: CollectedDocuments
    let broken: [CollectedDocuments.Broken]
    var parties: Parties?

    private func name(_ cid: CID) -> String {
        if let parties { return parties.name(cid.description) }
        let document = documents.identities.first { $0.cid == cid }
        return document.map { "\"\($0.identity.name)\"" } ?? DisplayWidth.fit(cid.description, to: 15, cut: .middle)
    }

    func show() throws {
        let style: Style = [.sound: .good, .incomplete: .warning, .bad: .bad][thread.verdict] ?? .plain
        var details = Details()
        details.add("order", thread.reference?.description ?? "–", .bold)
        details.add("cid", thread.order.description, .dim)
        if let principal = thread.principal { details.add("principal", "\(name(principal))  \(principal)") }
        if let fiduciary = thread.fiduciary { details.add("fiduciary", "\(name(fiduciary))  \(fiduciary)") }
        let opened = thread.parts.count { $0.contents != nil }
        details.add(
            "verified",
            opened == 0
                ? "the public skeleton of \(thread.parts.count) messages"
                : "\(thread.parts.count) messages, and the contents of \(opened)")
        details.add("verdict", thread.verdict.rawValue, style)
        try details.show()
        try StandardOutput.line("")
        try Timeline(rows: thread.parts.map(row)).show()
        let unplaced = thread.findings.filter { finding in !thread.parts.contains { $0.cid == finding.part } }
        for finding in unplaced { try StandardOutput.line(style.apply(SafeText.line(finding.sentence))) }
        for entry in broken {
            try StandardOutput.line(
                Style.bad.apply(SafeText.line("\(entry.cid) is no valid \(entry.kind.rawValue): \(entry.reason)")))
        }
    }

    private func row(_ part: OrderThread.Part) -> Timeline.Row {
        let findings = thread.findings.filter { $0.part == part.cid }
        let (mark, style): (String, Style) =
            if findings.contains(where: { $0.verdict == .bad }) {
                ("✗", .bad)
            } else if part.finding.signature == .valid {
                ("✓", findings.isEmpty ? .good : .warning)
            } else {
                ("?", .warning)
            }
        let others = part.recipients.filter { $0 != part.header.from }
        var notes: [(String, Style)] = []
        let answered = part.header.previous.flatMap { thread[$0] }.map {
            (kind: $0.kind.rawValue, name: text($0), cid: "\($0.cid)")
        }
        if let answer = MessageName.answer(kind(part), to: answered) { notes.append((answer, .dim)) }
        if let reason = reason(part) { notes.append(("because \(reason)", .bad)) }
        return Timeline.Row(
            mark: mark, style: style, what: text(part), time: part.header.created,
            who: name(part.header.from) + (others.isEmpty ? "" : " → " + others.map(name).joined(separator: ", ")),
            cid: part.cid.description,
            notes: notes + findings.map { ($0.sentence, $0.verdict == .bad ? .bad : .warning) })
    }

    /// What a part is called, as `order show` calls it.
    private func text(_ part: OrderThread.Part) -> String {
        let number = thread.number(of: part)
        return MessageName.text(kind(part), use: number.use, attempt: number.attempt)
    }

    private func kind(_ part: OrderThread.Part) -> String {
        if case .approval(let signed)? = part.contents, signed.approval.decision == .reject { return "rejection" }
        return part.kind.rawValue
    }

    /// Why something was refused; nil if that was not opened.
    private func reason(_ part: OrderThread.Part) -> String? {
        if case .refusal(let refusal)? = part.contents { refusal.reason } else { nil }
    }

    var json: JSON {
        .object([
            ("order", .string(thread.order.description)),
            ("reference", thread.reference.map { .string($0.description) } ?? .null),
            ("verdict", .string(thread.verdict.rawValue)),
            ("principal", thread.principal.map { .string($0.description) } ?? .null),
            ("fiduciary", thread.fiduciary.map { .string($0.description) } ?? .null),
            ("parts", .array(thread.parts.map(member))),
            (
                "findings",
                .array(
                    thread.findings.map {
                        .object([
                            ("part", .string($0.part.description)), ("code", .string($0.code.rawValue)),
                            ("verdict", .string($0.verdict.rawValue)), ("message", .string($0.sentence)),
                        ])
                    })
            ),
        ])
    }

    private func member(_ part: OrderThread.Part) -> JSON {
        .object([
            ("cid", .string(part.cid.description)), ("kind", .string(part.kind.rawValue)),
            ("from", .string(part.header.from.description)),
            ("to", .array(part.recipients.map { .string($0.description) })),
            ("previous", part.header.previous.map { .string($0.description) } ?? .null),
            ("created", .number(part.header.created)),
            ("signature_valid", part.finding.signature == .unknown ? .null : .bool(part.finding.signature == .valid)),
            ("opened", .bool(part.contents != nil)), ("name", .string(text(part))),
            ("reason", reason(part).map(JSON.string) ?? .null),
        ])
    }
}
