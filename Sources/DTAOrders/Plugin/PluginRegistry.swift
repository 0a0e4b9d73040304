import DTAConfiguration
import DTACore
import DTAFormats
import DTAPlugins
import DTASystem
import Logging

/// The types of order that this host knows.
package struct PluginRegistry: Sendable {
    /// The source of a plugin.
    package enum Origin: String, Sendable {
        case builtIn = "built-in"
        case external
    }

    /// In the order of their names.
    package let entries: [(origin: Origin, plugin: any OrderPlugin)]
    /// Plugins that exist but cannot be used.
    package let problems: [PluginHost.Problem]
    private let known: [String: any OrderPlugin]
    private let areExternalOff: Bool

    /// - Parameters: `external`: empty if they are off; `problems`: plugins that cannot be used.
    /// - Throws: `DTAError` if two built-in ones share a name. An external one with a name that is taken is a problem.
    package init(
        builtIn: [any OrderPlugin], external: [any OrderPlugin] = [], problems: [PluginHost.Problem] = [],
        areExternalOff: Bool = false
    ) throws {
        var known: [String: any OrderPlugin] = [:]
        for plugin in builtIn where known.updateValue(plugin, forKey: plugin.type.name) != nil {
            throw DTAError(.internal, "two built-in plugins are called \(plugin.type)")
        }
        var problems = problems
        var entries = builtIn.map { (Origin.builtIn, $0) }
        for plugin in external {
            guard known[plugin.type.name] == nil else {
                let reason = DTAError(
                    .invalidArgument, "the plugin \(plugin.type) has the name of a built-in one", hint: "rename it")
                problems.append(PluginHost.Problem(name: plugin.type.name, reason: reason))
                continue
            }
            known[plugin.type.name] = plugin
            entries.append((.external, plugin))
        }
        self.known = known
        self.problems = problems
        self.areExternalOff = areExternalOff
        self.entries = entries.sorted { $0.1.type < $1.1.type }
    }

    /// With the external plugins of the configuration. Plugins that hang cost one time limit (`plugins.time_ms`) in
    /// all. A plugin that cannot be used stops nothing: the reason is logged, and given to users who order it.
    package init(builtIn: [any OrderPlugin], _ configuration: Configuration.Plugins, logger: Logger) throws {
        let host = PluginHost(configuration) { logger.warning("\($0)") }
        var found: (plugins: [ExternalPlugin], problems: [PluginHost.Problem]) = ([], [])
        do { found = try host.load() } catch {
            let reason = DTAError(error)
            logger.error("external plugins cannot be used: \(reason)")
            found.problems.append(PluginHost.Problem(name: "*", reason: reason))
        }
        try self.init(
            builtIn: builtIn, external: found.plugins, problems: found.problems,
            areExternalOff: configuration.run == .off)
        if configuration.run == .ownUser, let shortfall = PluginFileRules.shortfall {
            logger.warning("a protection was refused: \(shortfall)")
        }
        for problem in problems where problem.name != "*" {
            logger.error("the plugin \(problem.name) cannot be used: \(problem.reason)")
        }
    }

    package var types: [PluginType] { entries.map(\.plugin.type) }

    /// The names of those that are programs.
    package var programs: [String] { entries.filter { $0.origin == .external }.map(\.plugin.type.name) }

    /// The name of an order's plugin if that is a program, which can take its whole time limit to answer.
    func program(_ type: String) -> String? { known[type] is ExternalPlugin ? type : nil }

    /// The plugin of an order.
    /// - Parameter type: as it came, not checked.
    /// - Throws: `DTAError` that lists the plugins of this host, or says why this one cannot be used.
    package func plugin(_ type: String) throws -> any OrderPlugin {
        if let plugin = known[type] { return plugin }
        if let problem = problems.first(where: { $0.name == type || $0.name == "*" }) {
            throw DTAError(
                .unavailable,
                "the plugin \(PluginType(type)?.name ?? "") cannot be used: \(problem.reason.message)",
                hint: problem.reason.hint.isEmpty
                    ? "mend it, and restart dtad" : "\(problem.reason.hint); then restart dtad")
        }
        var hint = "it has " + types.map(\.name).joined(separator: ", ")
        if areExternalOff { hint += "; external plugins are off: plugins.run in dtad.yaml turns them on" }
        throw DTAError(
            .notFound, "this host has no plugin \(PluginType(type).map { "\"\($0)\"" } ?? "of such a name")", hint: hint
        )
    }
}

extension PluginHost {
    /// - Parameter log: gets what plugins write to standard error.
    package init(_ configuration: Configuration.Plugins, log: @escaping @Sendable (String) -> Void) {
        var limits = PluginLimits()
        limits.milliseconds = configuration.timeMilliseconds
        limits.memoryBytes = configuration.memoryBytes
        limits.outputBytes = configuration.outputBytes
        let run: Run =
            switch configuration.run {
            case .off: .off
            case .service: .service(sockets: configuration.sockets)
            case .ownUser: .ownUser
            }
        self.init(directory: configuration.directory, run: run, limits: limits, log: log)
    }
}

extension PluginRegistry {
    /// The hooks of an order's plugin. For a plugin that is not known here they do nothing.
    func hooks(_ kind: String) -> any PartHooks {
        guard let plugin = known[kind] else { return UnknownPlugin() }
        return plugin
    }

    private struct UnknownPlugin: PartHooks {}
}

extension PluginOrder {
    /// What a plugin learns about an order.
    /// - Parameter record: nil: the principal has not sealed it yet.
    init(of order: Order, _ record: OrderRecord?) throws {
        guard let type = PluginType(order.kind) else {
            throw DTAError(.invalidArgument, "\(quoted(order.kind)) cannot be a type of order")
        }
        self.init(
            cid: record?.cid, reference: record?.reference.description ?? "", kind: type, terms: order.terms,
            fields: order.fields.values, commitment: record.flatMap { $0.publicKey.isEmpty ? nil : $0.publicKey })
    }
}
