import AgentProtocol
import ArgumentParser
import DTABytes
import DTAFormats
import DTASystem

struct WalletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wallet", abstract: "Bitcoin wallets whose key is a fiduciary's part and a beneficiary's.",
        discussion: """
            An order of type bitcoin-wallet makes one. The beneficiary has one part of its key. No one has the whole key \
            before the fiduciary releases the other part to the beneficiary.

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
            Its public key is the sum of the fiduciary's part and the beneficiary's, computed here; and the fiduciary's proof \
            that it has its part is checked here (BIP-340). Anybody may pay to it; spending takes the release.

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
        let (order, key) = try WalletKey.find(order.order, client)
        let address = try WalletAddresses(publicKey: key).address(type, network).description
        if agent.json {
            try JSON.object([
                ("order", .string(order.cid)), ("network", .string(network.rawValue)), ("type", .string(type.rawValue)),
                ("address", .string(address)), ("public_key", .string(Hexadecimal.encode(key.bytes))),
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
            After the fiduciary released its part. A reader of this key can spend what is in the wallet, at once and \
            for ever: import it where you will spend, and move the coins to a key that was never shown.

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
        let (order, publicKey) = try WalletKey.find(order.order, client)
        // Checked before the person is asked.
        guard order.uses > 0 else {
            throw Failure.failed(
                .failedPrecondition, "nothing of the wallet \(order.reference) was released, as far as is known here",
                hint: "dtactl order receive \(order.shortReference) asks for what came; next: \(order.nextText)")
        }
        if !yes {
            try Question.confirm(
                "Show the private key of the wallet \(WalletAddresses(publicKey: publicKey).p2wpkh(network))? "
                    + "Anybody who sees it can spend all that is in it, and that cannot be undone.", word: "export")
        }
        var answer = try client.call(.exportWallet(order.cid), timeout: orderTimeout)
        let key: Secp256k1Scalar
        do {
            key = try Secp256k1Scalar(answer.takeSecret())
        } catch let error as FormatError {
            throw Failure.failed(.dataLoss, "the agent answered no private key: \(error.reason)")
        }
        guard key.publicKey == publicKey else {
            throw Failure.failed(.dataLoss, "the agent answered the key of another wallet")
        }
        let isLine = output.out == nil && !agent.json
        let text = WIF.encode(key, network).followed(by: isLine ? [UInt8(ascii: "\n")] : [])
        StandardError.warn("this key spends all that is in the wallet: a person who sees it has it")
        try output.put(
            text, what: "private key", mayBeText: true, member: "wif",
            json: agent.json ? [("order", .string(order.cid)), ("network", .string(network.rawValue))] : nil)
    }
}

extension BitcoinNetwork: ExpressibleByArgument {}
extension BitcoinAddress.Kind: ExpressibleByArgument {}
