import DTAPlugins
import DTASystem

/// The types of order that this host knows.
public struct PluginRegistry: Sendable {
    /// Where a plugin comes from.
    public enum Origin: String, Sendable { case builtIn = "built-in", external }

    /// In the order of their names.
    public let entries: [(origin: Origin, plugin: any OrderPlugin)]
    private let known: [PluginType: any OrderPlugin]

    /// - Throws: `DTAError` where two have one name.
    public init(builtIn: [any OrderPlugin], external: [any OrderPlugin] = []) throws {
        var known: [PluginType: any OrderPlugin] = [:]
        for plugin in builtIn + external {
            guard known.updateValue(plugin, forKey: plugin.type) == nil else {
                throw DTAError(
                    .invalidArgument, "two plugins are called \(plugin.type)",
                    hint: "rename the external one: a built-in type cannot be replaced")
            }
        }
        self.known = known
        entries = (builtIn.map { (Origin.builtIn, $0) } + external.map { (Origin.external, $0) })
            .sorted { $0.1.type < $1.1.type }
    }

    public var types: [PluginType] { entries.map(\.plugin.type) }

    /// The plugin of an order.
    /// - Parameter type: as it came.
    /// - Throws: `DTAError` that lists what there is.
    public func plugin(_ type: String) throws -> any OrderPlugin {
        guard let name = PluginType(type), let plugin = known[name] else {
            throw DTAError(
                .notFound, "this host has no plugin \"\(type.prefix(40))\"",
                hint: "it has " + types.map(\.name).joined(separator: ", "))
        }
        return plugin
    }
}
