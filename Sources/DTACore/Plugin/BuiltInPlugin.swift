import DTAFormats
import DTAPlugins
import DTASystem

/// A plugin whose secret dtad-hsm keeps. Its front half judges what is ordered and asked for, and what came of it.
protocol BuiltInPlugin: OrderPlugin {
    /// Whether a commitment shows what it has to.
    /// - Throws: `FormatError`.
    func verify(_ commitment: OrderCommitment) throws

    /// What was released, as its recipient gets it, after it was held against the commitment.
    /// - Parameter request: what the redemption asked for; nil where that cannot be read here.
    /// - Throws: `FormatError` where it does not fit.
    func result(_ release: OrderRelease, of commitment: OrderCommitment, request: OrderFields?) throws -> PluginResult
}

/// What a recipient gets.
struct PluginResult {
    var data: [UInt8]
    var fields: [(String, String)] = []
}

extension BuiltInPlugin {
    var keeps: PluginKeeper { .agent }

    func release(
        _ order: PluginOrder, _ redemption: PluginRedemption, state: [UInt8]
    ) throws -> [String: OrderFieldValue] {
        throw DTAError(.internal, "dtad-hsm releases orders of type \(type)")
    }
}

enum BuiltInPlugins {
    static var all: [any OrderPlugin] {
        [SecretPlugin(.secret), SecretPlugin(.safeguard), BitcoinWalletPlugin(), SignPlugin()]
    }

    /// The name of a built-in plugin, which is right because it stands here.
    static func type(_ name: String) -> PluginType {
        guard let type = PluginType(name) else { preconditionFailure("\(name) is no name of a plugin") }
        return type
    }

    /// - Throws: where a redemption asks for something that the plugin does not know.
    static func checkNothingAsked(_ redemption: PluginRedemption, _ type: PluginType) throws {
        guard redemption.request.isEmpty else {
            let names = redemption.request.keys.sorted().joined(separator: ", ")
            throw DTAError(
                .invalidArgument, "a redemption of a \(type) asks for nothing more, and this one has \(names)")
        }
    }

    /// The secret that was released, which the committed key is the public half of.
    static func scalar(_ release: OrderRelease, _ field: String, of commitment: OrderCommitment) throws -> [UInt8] {
        guard let bytes = release.result[field]?.bytes else {
            throw FormatError(.malformed, "the release has no \(field)")
        }
        guard try Secp256k1Scalar(bytes).publicKey.bytes == commitment.publicKey else {
            throw FormatError(.dataLoss, "what was released is not what the fiduciary committed itself to")
        }
        return bytes
    }
}
