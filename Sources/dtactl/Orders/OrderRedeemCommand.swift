import AgentProtocol
import ArgumentParser
import DTABytes
import DTACourier
import DTAFormats
import DTASystem

struct OrderRedeemCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redeem", abstract: "Ask the fiduciary for an order's release, or for a use of its key.",
        discussion: """
            The fiduciary's HSM checks who asks, the terms and the approvals. What it releases goes only to the \
            recipient that was named when it was ordered; dtactl order result reads it there. Orders of type sign take \
            a --digest or a --message.

            Example:
              dtactl order redeem k3v7xq2a --purpose 'moving house' --wait
              dtactl order redeem p5wq7d3b --message release.txt
            """)

    @OptionGroup var order: OrderArgument

    @Option(help: ArgumentHelp("As which of your identities.", valueName: "name"), completion: .identityNames)
    var `as`: String?

    @Option(help: ArgumentHelp("For people: why. Approvers see it.", valueName: "text"))
    var purpose = ""

    @Option(help: ArgumentHelp("A digest to sign, in hexadecimal digits.", valueName: "hex"))
    var digest: String?

    @Option(
        help: ArgumentHelp("A file with a message to sign, up to 64 KiB; - is standard input.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var message: String?

    @Option(
        help: ArgumentHelp(
            "What a plugin asks of a redemption; name=@file takes it from a file. Repeat it for more.",
            valueName: "name=value"))
    var field: [String] = []

    @OptionGroup var waiting: OrderWait
    @OptionGroup var courier: CourierOptions
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        try waiting.check(courier)
        if digest != nil, message != nil { throw ValidationError("--digest or --message, not both.") }
        if let digest, Hexadecimal.decode(digest).map(\.isEmpty) ?? true {
            throw ValidationError("--digest is hexadecimal digits.")
        }
        if purpose.utf8.count > 256 { throw ValidationError("--purpose has 256 bytes at most.") }
        for text in field { _ = try FieldArgument(text) }
    }

    func run() throws {
        let data =
            try digest.flatMap { Hexadecimal.decode($0) } ?? message.map { try InputFile($0).all(limit: 64 << 10) }
            ?? []
        let fields = try field.map { text in
            let field = try FieldArgument(text)
            return (name: field.name, value: try field.value)
        }
        let client = agent.connect()
        let answer = try client.call(
            .redeemOrder(order.order, as: `as`, purpose: purpose, data: data, fields: fields), timeout: orderTimeout)
        var outcome = try OrderOutcome(
            answer, client, agent, courier,
            announcing: waiting.wait ? { "\($0.state) \($0.reference)" } : nil)
        if let asked = answer.parts.last(where: { $0.knownKind == .redemption }) {
            outcome.tell([("as", .string(asked.from))])
            if !agent.json { StandardError.note("asked as \(Parties(client).name(asked.from))") }
        }
        let uses = answer.orders.first?.uses ?? 0
        if waiting.wait {
            try outcome.wait("release it") { $0.uses > uses || $0.is(.released, .exhausted) }
        }
        try outcome.conclude()
        try outcome.requireNotRefused()
    }
}
