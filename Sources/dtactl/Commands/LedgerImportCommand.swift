import AgentProtocol
import ArgumentParser
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

    @Argument(help: "The CAR; - is standard input.", completion: .file())
    var file: String

    @OptionGroup var publication: PublicationOptions
    @OptionGroup var agent: AgentOptions

    /// Requests in flight: blocks are made durable together.
    private static let depth = 8

    private struct Refusal {
        let cid: CID
        let error: DTAError
    }

    func run() throws {
        let archive = try BlockFile(file)
        for broken in archive.documents.broken {
            StandardError.warn("\(broken.cid) is no valid \(broken.kind.rawValue): \(broken.reason)")
        }
        let order = try ImportOrder.of(archive)
        let refused = try put(order, of: archive)
        let left = Set(refused.map(\.cid))
        let stored = order.filter { !left.contains($0.cid) }
        try tell(stored, refused, archive)
        try publication.settle(stored.map { "\($0.cid)" }, agent)
        if !refused.isEmpty { throw ExitCode(Failure.Exit.failed.rawValue) }
    }

    private func put(_ entries: [BlockFile.Entry], of archive: BlockFile) throws -> [Refusal] {
        var progress = ProgressBar(total: entries.reduce(0) { $0 + UInt64($1.size) }, isShown: !agent.json)
        defer { progress.end() }
        var refused: [Refusal] = []
        var (asked, stored) = (0, 0)
        do {
            // What judges comes before what is judged, so each kind is stored before the next one is sent.
            for kind in [DocumentKind.identity, .revocation, .block, .envelope] {
                let end = entries[asked...].firstIndex { $0.kind != kind } ?? entries.count
                var answered = asked
                try agent.connect().pipeline(depth: kind == .envelope ? 1 : Self.depth, takesRefusals: true) {
                    guard asked < end else { return nil }
                    defer { asked += 1 }
                    let entry = entries[asked]
                    let type = entry.cid.codec == .raw ? "raw" : "dag-cbor"
                    return .putBlock(try archive.bytes(entry), contentType: "application/vnd.ipld.\(type)")
                } answered: { answer in
                    let entry = entries[answered]
                    if let refusal = try Self.refusal(answer, of: entry) {
                        refused.append(refusal)
                    } else {
                        stored += 1
                    }
                    answered += 1
                    progress.advance(by: entry.size)
                }
            }
        } catch let error as DTAError {
            throw Failure.failed(
                error.code, "\(stored) of \(entries.count) blocks were stored, then: \(error.message)",
                hint: error.hint.isEmpty ? "start it again: what is stored stays" : error.hint)
        }
        return refused
    }

    /// What was wrong with one block; nil where it is stored.
    /// - Throws: what has nothing to do with this block, and would stand in the way of the next one too.
    private static func refusal(_ answer: AgentResponse, of entry: BlockFile.Entry) throws -> Refusal? {
        if let error = answer.error {
            switch error.code {
            case .invalidArgument, .failedPrecondition, .dataLoss, .notFound:
                return Refusal(cid: entry.cid, error: error)
            case .permissionDenied, .unavailable, .resourceExhausted, .internal: throw error
            }
        }
        guard answer.cid == entry.cid.description else {
            throw DTAError(.dataLoss, "the agent stored \(entry.cid) under another name: \(answer.cid)")
        }
        return nil
    }

    private func tell(_ stored: [BlockFile.Entry], _ refused: [Refusal], _ archive: BlockFile) throws {
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
