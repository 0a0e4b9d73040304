import AgentProtocol
import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem

struct OrderFulfilCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fulfil", abstract: "Decide as the fiduciary about an order that waits; without REF, list these.",
        discussion: """
            What the agent does by itself, by orders: in its configuration, never waits here.

            Example:
              dtactl order fulfil
              dtactl order fulfil k3v7xq2a
              dtactl order fulfil k3v7xq2a --refuse 'we do not know you'
              dtactl order fulfil k3v7xq2a --resume     # restored from a backup, and compared with the others' copies
            """)

    @Argument(
        help: ArgumentHelp("The order: its CID, its reference, or a beginning of that.", valueName: "ref"),
        completion: .orderReferences)
    var order: String?

    @Flag(help: "Commit only, even if a release is next.")
    var commit = false

    @Flag(help: "Release only, even if a commitment is next.")
    var release = false

    @Flag(help: "An order restored from a backup is complete: go on with it by the rules.")
    var resume = false

    @Option(help: ArgumentHelp("Refuse, and say why.", valueName: "reason"))
    var refuse: String?

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var courier: CourierOptions
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if [commit, release, resume, refuse != nil].filter({ $0 }).count > 1 {
            throw ValidationError("--commit, --release, --refuse or --resume: one of them.")
        }
        if order == nil, decision != nil { throw ValidationError("Name the order.") }
        if refuse?.isEmpty ?? false { throw ValidationError("--refuse needs a reason.") }
    }

    func run() throws {
        let client = agent.connect()
        guard let order else { return try list(client) }
        let shown = try client.call(.showOrder(order))
        guard let found = shown.orders.first else {
            throw DTAError(.internal, "the agent answered without the order")
        }
        try found.requireFiduciary(Parties(client))
        let open = shown.openRedemptions.first
        var decision = decision
        var seen = open?.cid ?? ""
        // An order from a backup needs an explicit decision: the agent says why.
        if !yes, !(decision == nil && found.waitsForComparison) {
            // A person who is asked sees what it is about, also with --json.
            show(found, open, shown.fields, Parties(client))
            // The confirmed decision is sent, not the one that may be next by then.
            let decided = decision ?? found.nextDecision
            decision = decided
            try found.requirePossible(decided)
            if decided == .release, open == nil { seen = try shown.answered(found) }
            let whom = SafeText.line(Parties(client).name(found.fiduciary))
            let word = decided.rawValue
            try Question.confirm("\(word.prefix(1).uppercased() + word.dropFirst()), as \(whom)?", word: word)
        }
        let answer = try client.call(
            .fulfilOrder(found.cid, decision: decision?.rawValue ?? "", purpose: refuse ?? "", redemption: seen),
            timeout: orderTimeout)
        let isRefused = decision != .refuse && answer.parts.contains { $0.knownKind == .refusal }
        let why = "it is refused: nothing can be released to this redemption any more"
        if isRefused, decision != .release { StandardError.warn(why) }
        let outcome = try OrderOutcome(answer, client, agent, courier)
        try outcome.conclude()
        // The agent did something other than what was asked for.
        if isRefused, decision == .release {
            throw Failure.failed(
                .failedPrecondition, why, hint: "dtactl order show \(found.shortReference) tells what happened")
        }
    }

    /// Nil for the next step.
    private var decision: FiduciaryDecision? {
        refuse != nil ? .refuse : commit ? .commit : release ? .release : resume ? .resume : nil
    }

    private func show(
        _ order: AgentOrder, _ open: AgentOrderPart?, _ committed: [AgentField], _ parties: Parties
    ) {
        var details = order.details(parties, committed: committed)
        if let open { details.add(redemption: open, of: order, parties) }
        for line in details.lines { StandardError.line(line) }
    }

    /// The orders that wait for this host's fiduciaries.
    private func list(_ client: BlockingAgentClient) throws {
        var waiting: [AgentOrder] = []
        for state in [OrderState.ordered, .requested, .frozen] {
            var cursor = ""
            repeat {
                let answer = try client.call(
                    .listOrders(
                        count: 1000, cursor: cursor,
                        filters: [("role", "fiduciary"), ("state", state.rawValue), ("sort", "updated")]))
                // Of frozen orders, only those that a person can decide about.
                waiting += answer.orders.filter { state != .frozen || $0.isFiduciarysTurn }
                cursor = answer.cursor
            } while !cursor.isEmpty
        }
        // An order that expired, or still needs approvals, waits for no decision here.
        waiting.removeAll { !$0.waitsForFiduciary }
        if agent.json { return try JSON.showLines(waiting.map { .object($0.members) }) }
        guard !waiting.isEmpty else { return StandardError.note("nothing waits here") }
        try OrderTable.show(waiting, Parties(client))
    }
}
