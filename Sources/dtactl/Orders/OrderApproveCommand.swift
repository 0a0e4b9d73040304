import AgentProtocol
import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem

struct OrderApproveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Approve a redemption, or reject it, after you have seen it.",
        discussion: """
            It shows who asks for what, and asks you. Your approval names this one redemption and this one use, and counts \
            until it expires. If several ask at a time, --redemption says which one you mean; order show has them all.

            Example:
              dtactl order approve k3v7xq2a
              dtactl order approve k3v7xq2a --reject --yes
            """)

    @OptionGroup var order: OrderArgument

    @Option(help: ArgumentHelp("As which of your identities.", valueName: "name"), completion: .identityNames)
    var `as`: String?

    @Flag(help: "Say no. Others may still say yes.")
    var reject = false

    @Option(help: ArgumentHelp("Which redemption; by default the only one that is open.", valueName: "cid"))
    var redemption: String?

    @Option(help: ArgumentHelp("Which use; by default the open one.", valueName: "n"))
    var use = 0

    @Option(
        help: ArgumentHelp("Until when it counts: \(TimeText.forms); by default a day from now.", valueName: "time"),
        transform: TimeText.argument)
    var expires: TimeText?

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var courier: CourierOptions
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if use < 0 { throw ValidationError("--use is 1 or more.") }
    }

    func run() throws {
        let client = agent.connect()
        let shown = try client.call(.showOrder(order.order))
        guard let order = shown.orders.first else {
            throw DTAError(.internal, "the agent answered without the order")
        }
        let redemption = try choose(shown, order)
        let approver = try approver(of: redemption, shown, order, client)
        // A person who is asked sees what it is about, also with --json.
        if !agent.json || !yes { try show(order, redemption, shown.fields, Parties(client)) }
        // If no identity here may decide, the agent says why, and there is nothing to ask.
        if !yes, let name = `as` ?? approver?.name {
            try Question.confirm(
                "\(reject ? "Reject" : "Approve of") this redemption, as \(SafeText.line(name))?",
                word: reject ? "reject" : "approve")
        }
        // About the redemption that was shown, not about one that came meanwhile.
        let answer = try client.call(
            .decideOnOrder(
                order.cid, as: `as` ?? approver?.cid, decision: reject ? "reject" : "approve",
                redemption: redemption.cid,
                use: redemption.use, expires: expires?.last ?? 0), timeout: orderTimeout)
        var outcome = try OrderOutcome(answer, client, agent, courier)
        let made = answer.parts.first { $0.knownKind == .approval }
        outcome.tell([("as", made.map { .string($0.from) } ?? .null)])
        let whom = made.map { " as \(Parties(client).name($0.from))" } ?? ""
        try outcome.conclude("\(reject ? "rejected" : "approved") \(order.reference) use \(redemption.use)\(whom)")
    }

    /// The identity that decides, if none was named: the only one that may, or the only one that has not decided yet.
    private func approver(
        of redemption: AgentOrderPart, _ shown: AgentResponse, _ order: AgentOrder, _ client: BlockingAgentClient
    ) throws -> AgentIdentity? {
        guard `as` == nil else { return nil }
        let said = shown.parts.filter {
            $0.knownKind == .approval && $0.previous == redemption.cid && $0.isAccepted
        }
        return try OwnActors(order.approvers, permission: "approve", client)
            .only(notAmong: Set(said.map(\.from)), "decide about this redemption")
    }

    private func choose(_ shown: AgentResponse, _ order: AgentOrder) throws -> AgentOrderPart {
        let open = shown.openRedemptions.filter { use == 0 || Int($0.use) == use }
        guard let first = open.first else {
            throw Failure.failed(
                .failedPrecondition, "nothing of this order is open to approve: it is \(order.state)",
                hint: "dtactl order receive brings what others made")
        }
        let names = open.map(\.cid).joined(separator: ", ")
        guard let redemption else {
            guard open.count == 1 else {
                throw Failure.usage(
                    "\(open.count) redemptions of this order are open: \(names)",
                    hint: "say which one with --redemption; dtactl order show tells what each asks for")
            }
            return first
        }
        guard let chosen = open.first(where: { $0.cid == redemption }) else {
            throw Failure.failed(
                .failedPrecondition, "the redemption \(redemption) is not open", hint: "open: \(names)")
        }
        return chosen
    }

    private func show(
        _ order: AgentOrder, _ redemption: AgentOrderPart, _ committed: [AgentField], _ parties: Parties
    ) throws {
        var details = order.details(parties, committed: committed)
        details.add(redemption: redemption, of: order, parties)
        for line in details.lines { StandardError.line(line) }
    }
}
