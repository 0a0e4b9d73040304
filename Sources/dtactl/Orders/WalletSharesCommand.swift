import AgentProtocol
import ArgumentParser
import DTABytes
import DTACourier
import DTAFormats
import DTASystem

struct WalletSharesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shares", abstract: "A beneficiary's one-time shares, which wallets are made with.",
        discussion: """
            Published in advance, they let others order wallets for you while you are away. Each is used by one order.

            Example:
              dtactl wallet shares publish -n 20 --identity carol --out shares.car
              dtactl wallet shares list
            """,
        subcommands: [WalletPublishCommand.self, WalletListCommand.self])
}

struct WalletPublishCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Make one-time shares and publish them, signed; print the envelope's CID.",
        discussion: """
            The envelope is public. A host that is to order wallets for you needs it: from IPFS, or as a CAR (--out, \
            then ledger import there), or sent to its gateway (--via).

            Example:
              dtactl wallet shares publish -n 20 --identity carol --via https://alice.example/dta
            """)

    @Option(name: [.customShort("n"), .long], help: "How many, 1 to 100.")
    var number = 20

    @Option(
        help: ArgumentHelp("Their owner: one of your identities.", valueName: "name"), completion: .identityNames)
    var identity: String

    @OptionGroup var courier: CourierOptions
    @OptionGroup var agent: AgentOptions

    func validate() throws {
        if !(1...100).contains(number) { throw ValidationError("--number is 1 to 100.") }
    }

    func run() throws {
        let client = agent.connect()
        let answer = try client.call(.publishWalletShares(identity, count: UInt32(number)), timeout: orderTimeout)
        let cid = try CID(answer.cid)
        if courier.out != "-" {
            if agent.json {
                try JSON.object([
                    ("cid", .string(answer.cid)),
                    ("shares", .array(answer.shares.map { .string(Hexadecimal.encode($0.share)) })),
                ]).show()
            } else {
                try StandardOutput.line(answer.cid)
            }
        }
        guard courier.out != nil || courier.via != nil else {
            return StandardError.note(
                "\(answer.shares.count) shares; others get them from IPFS, or with --out or --via")
        }
        let car = try Courier(client).pack([cid])
        if let via = courier.via { _ = try HTTPCourier(via, courier.http()).deliver(car) }
        if let out = courier.out {
            if out == "-" { try StandardOutput.write(car) } else { try OutputFile.write(car, to: out) }
        }
    }
}

struct WalletListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List your shares, and the orders that use them.",
        discussion: """
            Example:
              dtactl wallet shares list
            """)

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let shares = try agent.all(.walletListShares, \.shares)
        if agent.json { return try JSON.showLines(shares.map(\.json)) }
        guard !shares.isEmpty else {
            return StandardError.note("there are no shares; dtactl wallet shares publish makes some")
        }
        let parties = Parties(agent.connect())
        var table = Table([
            .init(title: "share", minimum: 14, cut: .middle), .init(title: "whose", minimum: 6),
            TimeColumn.column("made"), .init(title: "order", minimum: 10, cut: .middle),
        ])
        for share in shares {
            table.add([
                .init(Hexadecimal.encode(share.share)), .init(parties.name(share.identity)),
                .init(TimeColumn.text(share.created)),
                .init(share.order.isEmpty ? "–" : share.order, share.order.isEmpty ? .good : .dim),
            ])
        }
        try table.show()
    }
}

extension AgentWalletShare {
    fileprivate var json: JSON {
        let optional = { (text: String) in text.isEmpty ? JSON.null : .string(text) }
        return .object([
            ("share", .string(Hexadecimal.encode(share))), ("identity", .string(identity)),
            ("published", optional(published)),
            ("order", optional(order)), ("created", .number(created)),
        ])
    }
}
