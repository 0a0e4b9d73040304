import DTAFormats
import DTAPlugins
import DTASystem

/// `bitcoin-wallet`: the wallet's key is the sum of the fiduciary's part and the beneficiary's share, so that only the
/// beneficiary ever has it.
struct BitcoinWalletPlugin: BuiltInPlugin {
    static let share = "share"
    static let network = "network"
    static let networks = ["mainnet", "testnet"]

    let type = BuiltInPlugins.type("bitcoin-wallet")
    let summary = "a Bitcoin key of which the fiduciary knows one part and the beneficiary the other"
    let fields = [
        PluginField(
            share, .bytes, required: false,
            "the beneficiary's share (33 bytes); by itself a fresh one, or the next that the beneficiary published"),
        PluginField(network, .text, required: false, "mainnet or testnet"),
    ]

    var shareField: String? { Self.share }

    func validate(_ order: PluginOrder) throws {
        // The agent adds a share if the principal gave none; a fiduciary does not commit to an order without one.
        if let share = order.fields[Self.share] {
            do {
                _ = try Secp256k1PublicKey(share.bytes ?? [])
            } catch {
                throw DTAError(.invalidArgument, "the beneficiary's share is a compressed point of secp256k1, 33 bytes")
            }
        } else if order.cid != nil {
            throw DTAError(.invalidArgument, "an order of a bitcoin-wallet names the beneficiary's share")
        }
        if let network = order.fields[Self.network] {
            guard let name = network.text, Self.networks.contains(name) else {
                throw DTAError(.invalidArgument, "the network of a bitcoin-wallet is mainnet or testnet")
            }
        }
        guard order.terms.beneficiary ?? order.terms.recipient == order.terms.recipient else {
            throw DTAError(
                .invalidArgument, "the recipient of a bitcoin-wallet is its beneficiary: it is released to no other")
        }
    }

    /// All parties of the order see the public halves of both parts.
    func commit(_ order: PluginOrder) throws -> PluginCommitment? {
        PluginCommitment(fields: order.fields.filter { [Self.share, Self.network].contains($0.key) })
    }

    func prepare(_ order: PluginOrder, _ redemption: PluginRedemption) throws {
        try BuiltInPlugins.checkNothingAsked(redemption, type)
    }

    /// The wallet that a commitment describes.
    static func sum(_ commitment: OrderCommitment) throws -> WalletSum {
        guard let share = commitment.fields[share]?.bytes else {
            throw FormatError(.malformed, "the commitment does not name the beneficiary's share")
        }
        return try WalletSum(
            fiduciary: Secp256k1PublicKey(commitment.publicKey), beneficiary: Secp256k1PublicKey(share))
    }

    func verify(_ commitment: OrderCommitment) throws {
        try Self.sum(commitment).verify(commitment.proof, order: commitment.heading.order)
    }

    func sharedKey(_ commitment: OrderCommitment) throws -> SharedKey {
        let sum = try Self.sum(commitment)
        try sum.verify(commitment.proof, order: commitment.heading.order)
        return SharedKey(
            sum: sum, fields: [(Self.network, commitment.fields[Self.network]?.text ?? Self.networks[0])])
    }

    func result(
        _ release: OrderRelease, of commitment: OrderCommitment, request: () throws -> OrderFields?
    ) throws -> PluginResult {
        PluginResult(
            data: try release.scalar(Self.share, of: commitment),
            fields: [("result", "share"), ("next", "exporting the wallet adds the beneficiary's own share")])
    }
}
