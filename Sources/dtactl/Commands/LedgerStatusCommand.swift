import AgentProtocol
import ArgumentParser
import DTACourier
import DTASystem

struct LedgerStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How the IPFS node is, and what waits to be published and why.",
        discussion: """
            Example:
              dtactl ledger status
              dtactl ledger status bafy… --wait
            """)

    @Argument(help: "One block's CID; by default all that is unfinished.")
    var cid: String?

    @Option(name: [.long, .customShort("n")], help: "How many unfinished blocks to show at most.")
    var count: UInt32 = 20

    @OptionGroup var publication: PublicationOptions
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if !(1...1000).contains(count) { throw ValidationError("--count is 1 to 1000.") }
    }

    func run() throws {
        if publication.wait {
            if let cid { try publication.settle([cid], agent) } else { try publication.settleAll(agent) }
        }
        let request = cid.map(AgentRequest.publication) ?? .list(.ledgerStatus, count: count)
        let answer = try agent.call(request)
        if agent.json {
            let fields = answer.fields.map { ($0.name, JSON.string($0.value)) }
            let rows = answer.publications.map(\.json)
            return try JSON.object(fields + [("publications", .array(rows))]).show()
        }
        guard !answer.fields.isEmpty else {
            return try StandardOutput.line("no IPFS node is configured: blocks are kept on this host alone")
        }
        var details = Details()
        for field in answer.fields { details.add(field.name, field.value, style(field)) }
        try details.show()
        guard !answer.publications.isEmpty else { return }
        try StandardOutput.line("")
        try table(answer.publications).show()
        if !answer.cursor.isEmpty { StandardError.note("there are more; --count shows up to 1000") }
    }

    private func style(_ field: AgentField) -> Style {
        switch (field.name, field.value) {
        case ("state", NodeState.up.rawValue): .good
        case ("state", NodeState.away.rawValue), ("reason", _): .bad
        default: .plain
        }
    }

    private func table(_ publications: [AgentPublication]) -> Table {
        var table = Table([
            .init(title: "cid", minimum: 14, cut: .middle), .init(title: "state"),
            TimeColumn.column("since"), .init(title: "failed", isNumber: true),
            .init(title: "why", minimum: 20),
        ])
        for row in publications {
            table.add([
                .init(row.cid), .init(row.state, row.knownState == .published ? .good : .plain),
                .init(TimeColumn.text(row.since)), .init("\(row.attempts)"), .init(row.error),
            ])
        }
        return table
    }
}

extension AgentPublication {
    fileprivate var json: JSON {
        .object([
            ("cid", .string(cid)), ("state", .string(state)), ("attempts", .number(Int64(attempts))),
            ("next", .number(next)), ("since", .number(since)), ("error", .string(error)),
        ])
    }
}
