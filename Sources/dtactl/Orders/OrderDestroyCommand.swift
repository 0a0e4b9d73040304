import AgentProtocol
import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem

struct OrderDestroyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "destroy", abstract: "Destroy an order's secret, as its fiduciary, for ever.",
        discussion: """
            The row with the sealed secret goes at once. The key that it was sealed under goes when the other secrets under \
            the same key were sealed anew; until then the signed receipt says pending, and names the key. What was \
            released before cannot be taken back.

            Example:
              dtactl order destroy k3v7xq2a
            """)

    @OptionGroup var order: OrderArgument

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var courier: CourierOptions
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        let shown = try client.call(.showOrder(order.order))
        guard let found = shown.orders.first else {
            throw DTAError(.internal, "the agent answered without the order")
        }
        try found.requireFiduciary(Parties(client))
        // If the order is destroyed already, only its receipt is shown again.
        if !yes, !found.is(.destroyed) {
            // A person who is asked sees what it is about, also with --json.
            for line in found.details(Parties(client), committed: shown.fields).lines { StandardError.line(line) }
            let released = found.uses > 0 ? " What was released stays released." : ""
            let whom = SafeText.line(Parties(client).name(found.fiduciary))
            try Question.confirm(
                "Destroy what is kept for this order, for ever, as \(whom)?\(released)", word: "destroy")
        }
        let answer = try client.call(.destroyOrder(found.cid), timeout: orderTimeout)
        var outcome = try OrderOutcome(answer, client, agent, courier)
        outcome.tell([("receipt", jsonObject(answer.fields))])
        if !agent.json { for line in receipt(answer.fields) { StandardError.warn(line) } }
        try outcome.conclude()
    }

    /// The contents of the signed receipt, for people.
    private func receipt(_ fields: [AgentField]) -> [String] {
        func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }
        guard let state = value("state") else { return [] }
        let key = value("key") ?? "none"
        let what =
            switch (OrderDestruction.State(rawValue: state), value("epoch")) {
            case (.pending?, let epoch?):
                "pending: the key \(key) of epoch \(epoch) is destroyed when the other orders under it are sealed anew; "
                    + "a second receipt will say done"
            case (.done?, _): "done: \(key == "none" ? "there was no key" : "the key \(key) is destroyed")"
            default: "\(state): the key is \(key)"
            }
        return ["the receipt says \(what)"] + (value("statement").map { [$0] } ?? [])
    }
}
