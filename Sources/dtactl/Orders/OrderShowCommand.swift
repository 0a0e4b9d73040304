import AgentProtocol
import ArgumentParser
import DTASystem

struct OrderShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show an order: its terms, where it stands, and all that happened.",
        discussion: """
            Each message's signature is verified here, with public keys only: ✓ fits and was accepted, ✗ does not fit, – was \
            refused, ! proves that somebody broke the rules, ? cannot be told because its sender's document is not here.

            Example:
              dtactl order show k3v7xq2a
            """)

    @OptionGroup var order: OrderArgument
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        let answer = try client.call(.showOrder(order.order))
        guard let order = answer.orders.first else {
            throw DTAError(.internal, "the agent answered without the order")
        }
        let parties = Parties(client)
        let timeline = try OrderTimeline(answer.parts, of: order, parties, AgentBlocks(client: client))
        if agent.json {
            let parts = timeline.entries.map {
                JSON.object($0.part.members + [("name", .string($0.what)), ("verified", $0.isVerified)])
            }
            try JSON.object(order.members + [("committed", jsonObject(answer.fields)), ("parts", .array(parts))])
                .show()
        } else {
            var details = order.details(parties, committed: answer.fields)
            let open = answer.openRedemptions.map(\.cid)
            if !open.isEmpty {
                details.add(open.count == 1 ? "open redemption" : "open redemptions", open.joined(separator: "\n"))
            }
            try details.show()
            try StandardOutput.line("")
            try timeline.show()
        }
        if timeline.isBad { throw ExitCode(Failure.Exit.failed.rawValue) }
    }
}
