import AgentProtocol
import ArgumentParser
import DTASystem

struct OrderDepositCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deposit", abstract: "Encrypt a secret to an order's commitment, for the recipient of the result.",
        discussion: """
            For orders of type safeguard-secret, once the fiduciary has committed. The recipient of the result can \
            read it only after the fiduciary released the key; the fiduciary never has it.

            Example:
              dtactl order deposit k3v7xq2a seed.txt
              printf %s "$PHRASE" | dtactl order deposit k3v7xq2a -
            """)

    @OptionGroup var order: OrderArgument

    @Argument(
        help: "The file with the secret, up to 128 KiB; - is standard input.", completion: .file(),
        transform: FileName.argument)
    var file: String

    @Option(help: ArgumentHelp("The media type of the secret.", valueName: "type"))
    var contentType = ""

    @OptionGroup var courier: CourierOptions
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let secret = try InputFile(file).secret(limit: SecretInput.limit)
        guard !secret.isEmpty else { throw Failure.failed(.invalidArgument, "there is no secret: the input is empty") }
        let client = agent.connect()
        let answer = try secret.withUnsafeBytes { secret in
            try client.call(
                .depositForOrder(order.order, secret: secret, contentType: contentType), timeout: orderTimeout)
        }
        var outcome = try OrderOutcome(answer, client, agent, courier)
        outcome.tell([("deposit", .string(answer.cid))])
        try outcome.conclude("deposited \(outcome.order.reference)")
    }
}
