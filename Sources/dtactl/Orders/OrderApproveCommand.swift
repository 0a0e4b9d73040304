import AgentProtocol
import ArgumentParser
import DTASystem

struct OrderApproveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Approve of a redemption, or reject it: after you saw what it is.",
        discussion: """
            It shows who asks for what, and asks you. Your approval names this one redemption and this one use, and counts \
            until it expires.

            Example:
              dtactl order approve k3v7xq2a
              dtactl order approve k3v7xq2a --reject --yes
            """)

    @OptionGroup var order: OrderArgument

    @Option(help: ArgumentHelp("As which of your identities.", valueName: "name"), completion: .identityNames)
    var `as`: String?

    @Flag(help: "Say no. Others may still say yes.")
    var reject = false

    @Option(help: ArgumentHelp("Which use; the open one where missing.", valueName: "n"))
    var use = 0

    @Option(
        help: ArgumentHelp("Until when it counts: \(TimeText.forms); a day from now where missing.", valueName: "time"),
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
        let redemption = shown.parts.last {
            $0.kind == "redemption" && $0.status == "accepted" && (use == 0 || Int($0.use) == use)
        }
        guard let redemption else {
            throw Failure.failed(
                .failedPrecondition, "nothing of this order is open to approve: it is \(order.state)",
                hint: "dtactl order receive brings what others made")
        }
        if !agent.json { try show(order, redemption, shown.fields, Parties(client)) }
        if !yes {
            try Question.confirm(
                reject ? "Reject this redemption?" : "Approve of this redemption?", word: reject ? "reject" : "approve")
        }
        // Of this use, and no later one; which redemption of it is open, the agent says.
        let answer = try client.call(
            .decideOnOrder(
                order.cid, as: `as`, decision: reject ? "reject" : "approve", use: redemption.use,
                expires: expires?.last ?? 0), timeout: orderTimeout)
        let outcome = try OrderOutcome(answer, client, agent, courier)
        try outcome.conclude("\(reject ? "rejected" : "approved") \(order.reference) use \(redemption.use)")
    }

    private func show(
        _ order: AgentOrder, _ redemption: AgentOrderPart, _ committed: [AgentField], _ parties: Parties
    ) throws {
        var details = order.details(parties, committed: committed)
        details.add("asked by", parties.name(redemption.from), .bold)
        details.add("use", "\(redemption.use) of \(max(1, order.maxUses))")
        details.add("purpose", redemption.purpose.isEmpty ? "none was given" : "“\(redemption.purpose)”", .bold)
        details.add("asked", HumanUnits.time(unixSeconds: redemption.created) + ", as the redeemer says")
        details.add("redemption", redemption.cid, .dim)
        for line in details.lines { StandardError.line(line) }
    }
}
