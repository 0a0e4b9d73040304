import ArgumentParser
import DTACourier
import DTASystem

/// How parts of orders reach other hosts.
struct CourierOptions: ParsableArguments {
    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp(
            "Write what is to be carried to a CAR file instead of sending it; - is standard output.",
            valueName: "file"), completion: .file(),
        transform: FileName.argument)
    var out: String?

    @Option(help: ArgumentHelp("Send it to this gateway alone, and not to the identities' URLs.", valueName: "url"))
    var via: String?

    @Flag(help: "Send nothing now: order send does it later.")
    var hold = false

    @OptionGroup var gateway: GatewayOptions

    @Option(help: ArgumentHelp("How long all exchanges together may take.", valueName: "seconds"))
    var carryTimeout = 600

    func validate() throws {
        if !(1...86_400).contains(carryTimeout) { throw ValidationError("--carry-timeout is 1 to 86400 seconds.") }
        if out != nil, via != nil || hold { throw ValidationError("--out writes a file: nothing is sent then.") }
        if via != nil, hold { throw ValidationError("--via sends and --hold does not: one of them.") }
    }

    static func isPartial(_ path: String) -> String {
        "\(path) has the parts alone, not all that they continue: with that it would be too large. Who has that already can take "
            + "them in; dtactl ledger export has everything"
    }

    /// - Throws: `DTAError.invalidArgument` for tokens without a gateway.
    func http() throws -> HTTPCourier.Options { try gateway.http() }
}
