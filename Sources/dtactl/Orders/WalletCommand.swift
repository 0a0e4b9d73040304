import AgentProtocol
import ArgumentParser
import DTAFormats
import DTASystem

struct WalletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wallet", abstract: "Bitcoin wallets whose key is a fiduciary's part and a beneficiary's.",
        discussion: """
            An order of type bitcoin-wallet makes one: nobody has its key until the fiduciary releases its part to the \
            beneficiary, who has the other.

            Example:
              dtactl order create --fiduciary bank --beneficiary carol --redeem carol --type bitcoin-wallet
              dtactl wallet address k3v7xq2a
            """,
        subcommands: [WalletSharesCommand.self, WalletAddressCommand.self, WalletExportCommand.self])
}

struct WalletAddressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "address", abstract: "Print the address of an order's wallet.",
        discussion: """
            Its public key is the sum of the fiduciary's part and the beneficiary's, computed here. Anybody may pay to it; \
            spending takes the release.

            Example:
              dtactl wallet address k3v7xq2a
              dtactl wallet address k3v7xq2a --network testnet --type p2tr
            """)

    @OptionGroup var order: OrderArgument

    @Option(help: "The network that the address is for.")
    var network = BitcoinNetwork.mainnet

    @Option(name: [.long, .customShort("t")], help: "p2wpkh: bc1q…, the usual one; p2tr: bc1p…; p2pkh: 1….")
    var type = BitcoinAddress.Kind.p2wpkh

    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        guard let order = try client.call(.showOrder(order.order)).orders.first else {
            throw DTAError(.internal, "the agent answered without the order")
        }
        let key = try order.walletKey(client)
        let address = try WalletAddresses(publicKey: key).address(type, network).description
        if agent.json {
            try JSON.object([
                ("order", .string(order.cid)), ("network", .string(network.rawValue)), ("type", .string(type.rawValue)),
                ("address", .string(address)), ("public_key", .string(Hex.encode(key.bytes))),
            ]).show()
        } else {
            try StandardOutput.line(address)
        }
    }
}

struct WalletExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Print the private key of an order's wallet, as its beneficiary (WIF).",
        discussion: """
            After the fiduciary released its part. Whoever reads this key can spend what is in the wallet, at once and for \
            ever: import it where you will spend, and move the coins to a key that was never shown.

            Example:
              dtactl wallet export k3v7xq2a --out wallet.wif
            """)

    @OptionGroup var order: OrderArgument

    @Option(help: "The network that the key is for.")
    var network = BitcoinNetwork.mainnet

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var output: BinaryOutput
    @OptionGroup var agent: AgentOptions

    func run() throws {
        let client = agent.connect()
        guard let order = try client.call(.showOrder(order.order)).orders.first else {
            throw DTAError(.internal, "the agent answered without the order")
        }
        let publicKey = try order.walletKey(client)
        if !yes {
            try Question.confirm(
                "Show the private key of the wallet \(WalletAddresses(publicKey: publicKey).p2wpkh(network))? "
                    + "Whoever sees it can spend all that is in it; it cannot be unseen.", word: "export")
        }
        let answer = try client.call(.exportWallet(order.cid), timeout: orderTimeout)
        let key: Secp256k1Scalar
        do {
            key = try Secp256k1Scalar(answer.data)
        } catch let error as FormatError {
            throw Failure.failed(.dataLoss, "the agent answered no private key: \(error.reason)")
        }
        guard key.publicKey == publicKey else {
            throw Failure.failed(.dataLoss, "the agent answered the key of another wallet")
        }
        var text = WIF.encode(key, network)
        defer { wipe(&text) }
        StandardError.warn("this key spends all that is in the wallet: whoever sees it, has it")
        try output.put(
            text + (output.out == nil ? [UInt8(ascii: "\n")] : []), what: "private key", mayBeText: true, member: "wif",
            json: agent.json ? [("order", .string(order.cid)), ("network", .string(network.rawValue))] : nil)
    }
}

extension AgentOrder {
    /// F + B of an order of type bitcoin-wallet.
    func walletKey(_ client: BlockingAgentClient) throws -> Secp256k1PublicKey {
        guard type == "bitcoin-wallet" else {
            throw Failure.failed(.failedPrecondition, "the order \(reference) is of type \(type), and has no wallet")
        }
        guard !commitment.isEmpty else {
            throw Failure.failed(
                .failedPrecondition, "the fiduciary has not committed to the order \(reference) yet",
                hint: "dtactl order receive \(shortReference) asks for it")
        }
        guard let share = try walletShare(client) else {
            throw Failure.failed(
                .failedPrecondition,
                "the beneficiary's share of the wallet of \(reference) is known to its principal, its fiduciary and the "
                    + "beneficiary alone")
        }
        do {
            return try WalletSum(
                fiduciary: Secp256k1PublicKey([UInt8](commitment)), beneficiary: Secp256k1PublicKey(share)
            ).publicKey
        } catch let error as FormatError {
            throw Failure.failed(.dataLoss, "the parts of the wallet of \(reference) do not fit: \(error.reason)")
        }
    }

    /// B: from part 1, where it can be read here, else the one of the beneficiary's own shares to which the fiduciary's proof
    /// in the commitment belongs.
    private func walletShare(_ client: BlockingAgentClient) throws -> [UInt8]? {
        if let field = fields.first(where: { $0.name == "share" }) { return Hex.decode(field.value) }
        let committed = try client.call(.showOrder(cid)).fields
        guard let proof = committed.first(where: { $0.name == "proof" }).flatMap({ Hex.decode($0.value) }) else {
            return nil
        }
        let (order, part) = (try CID(cid), try Secp256k1PublicKey([UInt8](commitment)))
        var cursor = ""
        repeat {
            let page = try client.call(.list(.walletListShares, count: 1000, cursor: cursor))
            for row in page.shares {
                guard let share = try? Secp256k1PublicKey([UInt8](row.share)),
                    let sum = try? WalletSum(fiduciary: part, beneficiary: share),
                    (try? sum.verify(proof, order: order)) != nil
                else { continue }
                return share.bytes
            }
            cursor = page.cursor
        } while !cursor.isEmpty
        return nil
    }
}

extension BitcoinNetwork: ExpressibleByArgument {}
extension BitcoinAddress.Kind: ExpressibleByArgument {}
