import AgentProtocol
import ArgumentParser
import DTASystem

struct OrderResultCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "result", abstract: "Read what was released to you: a secret, a signature.",
        discussion: """
            The agent checks that it fits what the fiduciary committed itself to. The secret of an order of type \
            safeguard-secret is what was deposited; of others 32 bytes.

            Example:
              dtactl order result k3v7xq2a --out seed.txt
              dtactl order result p5wq7d3b --use 3 --out release.sig
            """)

    @OptionGroup var order: OrderArgument

    @Option(help: ArgumentHelp("The use; by default the last one.", valueName: "n"))
    var use = 0

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    /// Fields in Unix seconds.
    private static let times: Set = ["released", "received"]

    func validate() throws {
        guard (0...1_000_000).contains(use) else { throw ValidationError("--use is 1 or more, and 1,000,000 at most.") }
    }

    func run() throws {
        var answer = try agent.call(.orderResult(order.order, use: UInt32(use)), timeout: orderTimeout)
        let result = answer.takeSecret()
        if !answer.cid.isEmpty, result.isEmpty {
            throw Failure.failed(
                .failedPrecondition, "what was released is in the envelope \(answer.cid)",
                hint: "dtactl envelope open \(answer.cid) --out FILE")
        }
        if !agent.json {
            for field in answer.fields {
                let isTime = Self.times.contains(field.name)
                let time = isTime ? Int64(field.value).map { HumanUnits.time(unixSeconds: $0) } : nil
                StandardError.note("\(field.name): \(time ?? field.value)")
            }
        }
        try output.put(
            result, what: "result", mayBeText: true, member: "result",
            json: agent.json ? [("order", .string(order.order)), ("fields", jsonObject(answer.fields))] : nil)
    }
}
