import DTABytes
import DTAFormats
import DTAPlugins
import DTASystem

/// A plugin whose secret dtad-hsm keeps. This half judges orders and redemptions, and checks results.
protocol BuiltInPlugin: OrderPlugin {}

extension BuiltInPlugin {
    var keeps: PluginKeeper { .agent }

    func release(
        _ order: PluginOrder, _ redemption: PluginRedemption, state: SecretReference
    ) throws -> [String: OrderFieldValue] {
        throw DTAError(.internal, "dtad-hsm releases orders of type \(type)")
    }
}

package enum BuiltInPlugins {
    package static var all: [any OrderPlugin] {
        [SecretPlugin(.secret), SecretPlugin(.safeguard), BitcoinWalletPlugin(), SignPlugin()]
    }

    /// The type of a built-in plugin; its name is a literal here, so it is valid.
    static func type(_ name: String) -> PluginType {
        guard let type = PluginType(name) else { preconditionFailure("\(name) is no name of a plugin") }
        return type
    }

    /// - Throws: if a redemption asks for something that the plugin does not know.
    static func checkNothingAsked(_ redemption: PluginRedemption, _ type: PluginType) throws {
        guard redemption.request.isEmpty else {
            let names = redemption.request.keys.sorted().joined(separator: ", ")
            throw DTAError(
                .invalidArgument, "a redemption of a \(type) asks for nothing more, and this one has \(names)")
        }
    }
}
