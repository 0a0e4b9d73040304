import ArgumentParser
import DTAGateway
import DTAService
import DTASystem
import Glibc
import ServiceLifecycle

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the gateway in the foreground.",
        discussion: """
            Listens on the sockets that systemd passes in; else where the configuration says. SIGTERM finishes what runs and \
            stops.

            Example: dtagw run --config dtagw.yaml
            """)

    @Option(help: ArgumentHelp("The configuration.", valueName: "file"))
    var config: String

    func run() async throws {
        try await failing {
            signal(SIGPIPE, SIG_IGN)
            umask(0o077)
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
            try await ServiceGroup(configuration: services).run()
            ServiceManager.stopping("")
            logger.info("stopped")
        }
    }
}
