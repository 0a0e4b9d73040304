import ArgumentParser
import DTAGateway
import DTAService
import DTASystem
import Glibc
import Logging
import ServiceLifecycle

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the gateway in the foreground.",
        discussion: """
            Listens on the sockets that systemd passes; else on those of the configuration. SIGTERM finishes running \
            requests and stops.

            Example: dtagw run --config dtagw.yaml
            """)

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config = Dtagw.installedConfiguration

    func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        umask(0o077)
        let refused = RefusedStart()
        let services: ServiceGroupConfiguration
        let logger: Logger
        do {
            (services, logger) = try prepare()
        } catch {
            let reason = DTAError(error)
            printError("dtagw: \(reason.message)")
            if !reason.hint.isEmpty { printError("hint: \(reason.hint)") }
            refused.tell(reason.message) { _ in RunCommand.unavailable }
            throw ExitCode(RefusedStart.status(for: reason))
        }
        try await failing {
            try await ServiceGroup(configuration: services).run()
            ServiceManager.stopping("")
            logger.info("stopped")
        }
    }

    private func prepare() throws -> (ServiceGroupConfiguration, Logger) {
        let sockets = try ServiceManager.passedSockets().map(\.socket)
        let configuration = try GatewayConfiguration.load(config)
        let logger = makeLogger(configuration.log, program: "dtagw")
        let gateway = try Gateway(configuration, sockets: sockets, logger: logger) { addresses in
            let places = addresses.joined(separator: " ")
            logger.info(
                "ready",
                metadata: [
                    "listening": "\(places)", "node": "\(configuration.node.rawValue)",
                    "version": "\(Version.current)",
                ])
            ServiceManager.ready("\(configuration.node.rawValue), at \(places)")
        }
        var services = ServiceGroupConfiguration(
            services: [.init(service: gateway)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        services.maximumGracefulShutdownDuration = .milliseconds(configuration.limits.drainMilliseconds)
        return (services, logger)
    }

    /// The reason is for administrators: it names files of this host.
    private static let unavailable = Array(
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 30\r\n\r\n").utf8)
}
