import DTASystem

/// The external plugins of a host.
public struct PluginHost: Sendable {
    /// How they are started.
    public enum Run: Sendable, Equatable {
        case off
        /// By the service manager, as a user of its own, without network: each at `DIRECTORY/TYPE.sock`.
        case service(sockets: String)
        /// By this process, as its own user.
        case ownUser
    }

    /// An installed plugin that cannot be used.
    public struct Problem: Sendable {
        public let name: String
        public let reason: DTAError

        public init(name: String, reason: DTAError) {
            self.name = name
            self.reason = reason
        }
    }

    private let directory: String
    private let run: Run
    private let limits: PluginLimits
    private let log: @Sendable (String) -> Void

    /// - Parameter log: gets plugins' words on standard error.
    public init(
        directory: String, run: Run, limits: PluginLimits, log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.directory = directory
        self.run = run
        self.limits = limits
        self.log = log
    }

    /// Calls `hello` of all plugins at once, so that those that hang cost one time limit together.
    /// - Returns: those that can be used, and the reasons why others cannot.
    /// - Throws: `DTAError` if the directory cannot be trusted; `SystemCallError` if there are no further threads.
    public func load() throws -> (plugins: [ExternalPlugin], problems: [Problem]) {
        guard run != .off else { return ([], []) }
        let found = try PluginFiles(directory).list()
        var run = run
        if case .service(let sockets) = run { run = .service(sockets: try PluginFiles.trusted(sockets)) }
        let transports = found.plugins.map { PluginHost.transport($0, run) }
        let results = Monitor([Int: Result<ExternalPlugin, DTAError>]())
        for (plugin, (index, transport)) in zip(found.plugins, transports.enumerated()) {
            try startThread { [self] in
                let result = Result { try ExternalPlugin(plugin.type, transport, limits, log: log) }
                    .mapError { DTAError($0) }
                results.withLockSignalling { $0[index] = result }
            }
        }
        let count = found.plugins.count
        let all = results.wait { $0.count == count ? $0 : nil } ?? [:]
        var plugins: [ExternalPlugin] = []
        var problems = found.problems.map { Problem(name: $0.name, reason: $0.1) }
        for (index, result) in all.sorted(by: { $0.key < $1.key }) {
            switch result {
            case .success(let plugin): plugins.append(plugin)
            case .failure(let reason): problems.append(Problem(name: found.plugins[index].type.name, reason: reason))
            }
        }
        return (plugins, problems)
    }

    private static func transport(_ plugin: (type: PluginType, path: String), _ run: Run) -> PluginTransport {
        if case .service(let sockets) = run { .socket("\(sockets)/\(plugin.type).sock") } else { .program(plugin.path) }
    }
}
