import ArgumentParser
import DTASystem

struct OrderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "order", abstract: "Orders: something kept by a fiduciary, and who may have it back.",
        discussion: """
            REF is an order's CID, its reference (26 characters), or a beginning of that. A command that makes a \
            message for others carries it to their gateways if their URLs are known (identity trust … --at URL), and \
            brings their answers back; --out FILE writes it to a CAR file instead, for order receive FILE on the other \
            side.

            Example:
              dtactl order create --fiduciary bank --secret-file seed.txt --wait
              dtactl order redeem k3v7xq2a --purpose 'moving house'
              dtactl order result k3v7xq2a --out seed.txt
            """,
        subcommands: [
            OrderCreateCommand.self, OrderListCommand.self, OrderShowCommand.self, OrderDepositCommand.self,
            OrderRedeemCommand.self, OrderApproveCommand.self, OrderFulfilCommand.self, OrderResultCommand.self,
            OrderDestroyCommand.self, OrderEpochsCommand.self, OrderSendCommand.self, OrderReceiveCommand.self,
            OrderVerifyCommand.self,
        ])
}

/// The order that a command is about.
struct OrderArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The order: its CID, its reference, or a beginning of that.", valueName: "ref"),
        completion: .orderReferences)
    var order: String
}

/// For commands that may wait for other hosts.
struct OrderWait: ParsableArguments {
    @Flag(
        help:
            "Wait for the others, and ask their gateways meanwhile: 5 minutes at most, or --timeout. Ctrl-C undoes nothing."
    )
    var wait = false

    /// Parts that are not sent get no answer.
    func check(_ courier: CourierOptions) throws {
        if wait, courier.out != nil || courier.hold {
            throw ValidationError("--wait is for what is sent, and --out and --hold send nothing.")
        }
    }
}

/// The time limit of an operation that needs the HSM and makes several messages.
let orderTimeout = Duration.seconds(120)
