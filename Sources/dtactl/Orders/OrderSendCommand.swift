import AgentProtocol
import ArgumentParser
import DTACourier
import DTAFormats
import DTASystem

struct OrderSendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Carry an order's messages to their recipients again.",
        discussion: """
            Nothing changes on a host that has them already. --out writes all of the order to a file, for a \
            USB stick, say, or for an auditor.

            Example:
              dtactl order send k3v7xq2a
              dtactl order send k3v7xq2a --out order.car
            """)

    @OptionGroup var order: OrderArgument
    @OptionGroup var courier: CourierOptions
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if courier.hold { throw ValidationError("--hold sends nothing, and sending is what this is for.") }
    }

    func run() throws {
        let client = agent.connect()
        var answer = try client.call(.showOrder(order.order))
        guard !answer.parts.isEmpty else {
            throw Failure.failed(.notFound, "of this order nothing is here that could be carried")
        }
        // Refused parts do not follow this order's rules; evidence is for a judge.
        if let order = answer.orders.first { answer.parts = order.counted(answer.parts, client) }
        if courier.out == nil {
            answer.parts = answer.parts.filter { $0.isAccepted }
            guard courier.via != nil || answer.parts.contains(where: { !$0.urls.isEmpty }) else {
                throw Failure.failed(
                    .failedPrecondition, "no gateway of another party of this order is known here",
                    hint: "dtactl identity trust ALIAS --at URL names one, --via URL is one for now, --out FILE a file")
            }
        }
        let outcome = try OrderOutcome(answer, client, agent, courier)
        try outcome.conclude()
    }
}
