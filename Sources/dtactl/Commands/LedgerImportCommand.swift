import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem

struct LedgerImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Store all blocks of a CAR in the ledger.",
        discussion: """
            All of the file is read and checked before its first block is stored: of a damaged one nothing is. Blocks that \
            are in the ledger already change nothing, so an import that was interrupted is simply started again.

            Example:
              dtactl ledger import thread.car
              ssh other dtactl ledger export bafy… | dtactl ledger import -
            """)

    @Argument(
        help: "The CAR; - is standard input.", completion: .file(),
        transform: FileName.argument)
    var file: String

    @OptionGroup var publication: PublicationOptions
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let archive = try BlockFile(file)
        for broken in archive.documents.broken {
            StandardError.warn("\(broken.cid) is no valid \(broken.kind.rawValue): \(broken.reason)")
        }
        let order = try ImportOrder.of(archive.entries, bytes: archive.bytes)
        let refused = try put(order, of: archive)
        let left = Set(refused.map(\.cid))
        let stored = order.filter { !left.contains($0.cid) }
        try tell(stored, refused, archive)
        try publication.settle(stored.map { "\($0.cid)" }, agent)
        if !refused.isEmpty { throw ExitCode(Failure.Exit.failed.rawValue) }
    }

    private func put(_ entries: [BlockFile.Entry], of archive: BlockFile) throws -> [BlockImport.Refusal] {
        var progress = ProgressBar(total: entries.reduce(0) { $0 + UInt64($1.size) }, isShown: !agent.json)
        defer { progress.end() }
        var blocks = BlockImport()
        do {
            try blocks.put(entries, to: agent.connect(), bytes: archive.bytes) { progress.advance(by: $0.size) }
        } catch let error as DTAError {
            throw Failure.failed(
                error.code, "\(blocks.stored) of \(entries.count) blocks were stored, then: \(error.message)",
                hint: error.hint.isEmpty ? "start it again: what is stored stays" : error.hint(HintText.of))
        }
        return blocks.refused
    }

    private func tell(_ stored: [BlockFile.Entry], _ refused: [BlockImport.Refusal], _ archive: BlockFile) throws {
        func count(_ kind: DocumentKind) -> Int { stored.filter { $0.kind == kind }.count }
        if agent.json {
            return try JSON.object([
                ("roots", .array(archive.roots.map { .string($0.description) })),
                ("identities", .number(Int64(count(.identity)))), ("revocations", .number(Int64(count(.revocation)))),
                ("envelopes", .number(Int64(count(.envelope)))), ("blocks", .number(Int64(count(.block)))),
                (
                    "refused",
                    .array(
                        refused.map {
                            .object([("cid", .string($0.cid.description)), ("message", .string($0.error.message))])
                        })
                ),
            ]).show()
        }
        for refusal in refused {
            StandardError.line(
                Style.bad.apply("refused:", to: .error) + " \(refusal.cid): " + SafeText.line(refusal.error.message))
        }
        for root in archive.roots { try StandardOutput.line(root.description) }
        for root in archive.roots where !archive.documents.contains(root) {
            StandardError.warn("not in it: \(root), which the CAR names as its root")
        }
        let words = [
            Self.words(count(.identity), "identity", "identities"),
            Self.words(count(.revocation), "revocation", "revocations"),
            Self.words(count(.envelope), "envelope", "envelopes"),
            Self.words(count(.block), "other block", "other blocks"),
        ].compactMap { $0 }
        StandardError.warn("stored: " + (words.isEmpty ? "nothing" : words.joined(separator: ", ")))
    }

    private static func words(_ count: Int, _ one: String, _ many: String) -> String? {
        count == 0 ? nil : "\(count) \(count == 1 ? one : many)"
    }
}
