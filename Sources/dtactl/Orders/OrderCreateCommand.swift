import AgentProtocol
import ArgumentParser
import DTABytes
import DTACourier
import DTAFormats
import DTASystem

struct OrderCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Order something of a fiduciary, and print the order's reference.",
        discussion: """
            Types: secret (a fresh secret that the fiduciary keeps), safeguard-secret (yours, encrypted to a key that it \
            keeps), bitcoin-wallet, sign (a key that it uses for you), and what plugins add: dtactl plugin list.
            Without a beneficiary you may redeem it; with one, --redeem names who may.
            Times: \(TimeText.forms); a day alone is all of it.

            Example:
              dtactl order create --fiduciary bank --secret-file seed.txt --wait
              dtactl order create --fiduciary bank --beneficiary carol --redeem carol --not-before +30d
              dtactl order create --fiduciary bank --type sign --field algorithm=ed25519 --max-uses 100 \
            --approver dave --approver erin --approvals 1
            """)

    @Option(
        name: [.long, .customShort("f")], help: ArgumentHelp("The fiduciary: who keeps it.", valueName: "alias"),
        completion: .identityNames)
    var fiduciary: String

    @Option(
        help: ArgumentHelp("As which of your identities; needed if there are several.", valueName: "name"),
        completion: .identityNames)
    var principal = ""

    @Option(
        name: [.long, .customShort("b")], help: ArgumentHelp("For whom it is.", valueName: "alias"),
        completion: .identityNames)
    var beneficiary = ""

    @Option(
        name: [.long, .customShort("t")],
        help: ArgumentHelp(
            "What is ordered; by default secret, or safeguard-secret if a secret is given.", valueName: "type"),
        completion: .orderTypes)
    var type: String?

    @Option(
        help: ArgumentHelp(
            "What the type asks for; name=@file takes it from a file. Repeat it for more.", valueName: "name=value"))
    var field: [String] = []

    @Option(
        help: ArgumentHelp("Who may redeem it; repeat it for more.", valueName: "alias"), completion: .identityNames)
    var redeem: [String] = []

    @Option(
        help: ArgumentHelp(
            "Who gets the result; by default the beneficiary, else the principal.", valueName: "alias"),
        completion: .identityNames)
    var recipient = ""

    @Option(
        help: ArgumentHelp("Who may approve of a redemption; repeat it for more.", valueName: "alias"),
        completion: .identityNames)
    var approver: [String] = []

    @Option(help: ArgumentHelp("How many approvers must; by default all of them.", valueName: "k"))
    var approvals: Int?

    @Flag(help: "An approver's consent to its own redemption counts.")
    var requesterMayApprove = false

    @Option(help: ArgumentHelp("No redemption before.", valueName: "time"), transform: TimeText.argument)
    var notBefore: TimeText?

    @Option(help: ArgumentHelp("No redemption after.", valueName: "time"), transform: TimeText.argument)
    var notAfter: TimeText?

    @Option(help: ArgumentHelp("How often it may be redeemed.", valueName: "n"))
    var maxUses = 1

    @Flag(help: "Order a type that this host does not know, without a question: the fiduciary's host may know it.")
    var yes = false

    @OptionGroup var secret: SecretInput
    @OptionGroup var waiting: OrderWait
    @OptionGroup var courier: CourierOptions
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        try waiting.check(courier)
        if let approvals, !(1...max(1, approver.count)).contains(approvals) || approver.isEmpty {
            throw ValidationError("--approvals is 1 to the number of approvers, each named with --approver.")
        }
        if requesterMayApprove, approver.isEmpty {
            throw ValidationError("--requester-may-approve is for orders with approvers.")
        }
        if !(1...1_000_000).contains(maxUses) { throw ValidationError("--max-uses is 1 to 1,000,000.") }
        if let from = notBefore?.first, let until = notAfter?.last, until < from {
            throw ValidationError("--not-after is before --not-before: it could never be redeemed.")
        }
        if secret.isGiven, let type, type != OrderKind.safeguardSecret {
            throw ValidationError("a secret is deposited in orders of type safeguard-secret, not \(type).")
        }
        for text in field { _ = try FieldArgument(text) }
    }

    func run() throws {
        // Read first: without the secret, nothing is ordered.
        let deposit = try secret.read()
        let order = try ordered()
        let client = agent.connect()
        if !yes { try confirm(order.type, client) }
        let answer = try client.call(.createOrder(order), timeout: orderTimeout)
        var outcome = try OrderOutcome(answer, client, agent, courier) { $0.reference }
        if waiting.wait {
            let then = secret.isGiven ? "; then dtactl order deposit \(outcome.order.shortReference) FILE" : ""
            try outcome.wait("commit", then: then) { !$0.is(.ordered) }
        }
        if let deposit, !outcome.order.is(.refused) {
            if outcome.order.is(.committed) {
                try outcome.carry(
                    deposit.withUnsafeBytes { deposit in
                        try client.call(
                            .depositForOrder(outcome.order.cid, secret: deposit, contentType: secret.contentType),
                            timeout: orderTimeout
                        ).parts
                    })
                try outcome.refresh()
                outcome.tell([("deposited", .bool(true))])
            } else {
                outcome.tell([("deposited", .bool(false))])
                StandardError.warn(
                    "the secret is not deposited: there is no commitment yet to encrypt it to; when there is, "
                        + "dtactl order deposit \(outcome.order.shortReference) FILE")
            }
        }
        try outcome.conclude(outcome.order.reference)
        try outcome.requireNotRefused()
    }

    /// Asks before ordering an unknown type: that makes an order that is refused, and stays in all lists.
    private func confirm(_ type: String, _ client: BlockingAgentClient) throws {
        guard !type.isEmpty else { return }
        let known = try client.call(AgentRequest(.pluginList)).plugins.map(\.type)
        // A fiduciary on this host has the same plugins: the agent gives the error.
        guard !known.contains(type), !Parties(client).isOwn(fiduciary) else { return }
        let meant = CommandNames.nearest(to: type, among: known).map { "did you mean \($0)? " } ?? ""
        try Question.confirm(
            "This host knows no orders of type \(SafeText.line(type)). \(meant)It knows \(known.joined(separator: ", ")). "
                + "The fiduciary's host may know it.", word: type,
            unasked: "this host knows no orders of type \(type): it knows \(known.joined(separator: ", "))",
            hint: "\(meant)Add --yes if the fiduciary's host knows it")
    }

    private func ordered() throws -> AgentNewOrder {
        var order = AgentNewOrder()
        order.type = type ?? (secret.isGiven ? "safeguard-secret" : "")
        order.principal = principal
        order.fiduciary = fiduciary
        order.beneficiary = beneficiary
        order.redeemers = redeem
        order.recipient = recipient
        order.approvers = approver
        order.approvals = UInt32(approvals ?? approver.count)
        order.requesterMayApprove = requesterMayApprove
        order.notBefore = notBefore?.first ?? 0
        order.notAfter = notAfter?.last ?? 0
        order.maxUses = UInt32(maxUses)
        order.fields = try field.map { text in
            let field = try FieldArgument(text)
            return AgentField(name: field.name, value: try field.value)
        }
        return order
    }
}

/// A secret to deposit: from a file or standard input, never from the command line, which other users can read.
struct SecretInput: ParsableArguments {
    @Option(
        help: ArgumentHelp("Deposit what is in this file (up to 128 KiB); - is standard input.", valueName: "file"),
        completion: .file(),
        transform: FileName.argument)
    var secretFile: String?

    @Option(help: ArgumentHelp("- alone: deposit what comes on standard input.", valueName: "-"))
    var secret: String?

    @Option(help: ArgumentHelp("The media type of the secret.", valueName: "type"))
    var contentType = ""

    static let limit = 128 << 10

    var isGiven: Bool { secretFile != nil || secret != nil }

    func validate() throws {
        if secret != nil, secretFile != nil { throw ValidationError("--secret - or --secret-file FILE, not both.") }
        if let secret, secret != "-" {
            throw ValidationError(
                "a secret does not belong on a command line, which others can see: --secret - reads standard input.")
        }
        if !contentType.isEmpty, !isGiven { throw ValidationError("--content-type is of a secret that is given.") }
    }

    /// Nil if none was given.
    func read() throws -> SecretReference? {
        guard isGiven else { return nil }
        let bytes = try InputFile(secretFile ?? "-").secret(limit: SecretInput.limit)
        guard !bytes.isEmpty else { throw Failure.failed(.invalidArgument, "there is no secret: the input is empty") }
        return SecretReference(bytes)
    }
}
