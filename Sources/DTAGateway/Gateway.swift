import DTACourier
import DTASystem
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle

/// The gateway from its start to its end: listeners, the agent, admission.
public final class Gateway: Service {
    private let services: GatewayServices
    private let listeners: [HTTPListener]
    /// - Parameters:
    ///   - sockets: those that systemd passed; they replace `listen`.
    ///   - isReady: called once all of them accept connections, with their addresses in the order of the configuration,
    ///     metrics last, and with the ports that the kernel chose.
    /// - Throws: `DTAError` for faults of certificates or sockets.
    public init(
        _ configuration: GatewayConfiguration, sockets: [Descriptor], logger: Logger,
        isReady: @escaping @Sendable ([String]) -> Void
    ) throws {
        let tls = try configuration.tls.map {
            try TLSConfiguration($0, hasTokens: configuration.authentication.token != nil)
        }
        let endpoints = Endpoints.of(configuration.node)
        let limits = configuration.limits
        let proxies = configuration.proxies
        let connections = Connections(perAddress: limits.connectionsPerAddress, proxies: proxies)
        let services = GatewayServices(
            configuration: configuration, agent: AgentPool(socketPath: configuration.agent, limits: limits),
            couriers: CourierPool(
                socketPath: configuration.agent, orders: configuration.orders, limits: limits, logger: logger
            ),
            largeBodies: LargeBodies(limit: 2 * limits.couriers * Consignment.maximumSize),
            doorkeeper: Doorkeeper(
                authentication: configuration.authentication, knowsPeers: configuration.tls?.peers != nil,
                origins: configuration.origins,
                tokens: configuration.authentication.token.map { token in
                    TokenVerifier(
                        configuration: token, keys: KeySource(token, logger: logger, fetch: KeyFetcher(token).fetch))
                }, rates: RateLimiter(limits),
                guesses: GuessLimit(
                    RateLimiter(limits), isBehindProxy: configuration.isBehindProxy && proxies.clientAddress == .none)),
            measurements: Measurements(), logger: logger,
            description: InterfaceDescription.make(endpoints, configuration).bytes)
        self.services = services

        for socket in sockets { try Gateway.check(socket, configuration) }
        let sources: [HTTPListener.Source] =
            sockets.isEmpty ? configuration.listen.map { .bind($0) } : sockets.map { .passed($0) }
        guard !sources.isEmpty else {
            throw DTAError(
                .invalidArgument, "there is nothing to listen on",
                hint: "listen: [\"127.0.0.1:8440\"] in dtagw.yaml, or start it by its socket unit")
        }
        let responder = GatewayResponder(services, node: configuration.node)
        let expected = sources.count + (configuration.metrics == nil ? 0 : 1)
        let addresses = Locked([String?](repeating: nil, count: expected))
        func listener(
            _ index: Int, _ source: HTTPListener.Source, _ tls: TLSConfiguration?,
            _ responder: any HTTPResponder<GatewayContext>, _ proxies: TrustedProxies, _ access: AccessLog?
        ) -> HTTPListener {
            HTTPListener(
                source: source, limits: limits, tls: tls, responder: responder, connections: connections,
                proxies: proxies, access: access, logger: logger
            ) { address in
                let all = addresses.withLock { addresses in
                    addresses[index] = Gateway.name(source, address)
                    return addresses.compactMap { $0 }
                }
                if all.count == expected { isReady(all) }
            }
        }
        let access = configuration.hasAccessLog ? AccessLog(logger) : nil
        var listeners = sources.enumerated().map { listener($0, $1, tls, responder, proxies, access) }
        if let address = configuration.metrics {
            let metrics = MetricsResponder(
                agent: services.agent, measurements: services.measurements, connections: connections)
            listeners.append(listener(sources.count, .bind(address), nil, metrics, TrustedProxies(), nil))
        }
        self.listeners = listeners
    }

    /// Serves until it is told to stop. Then it takes no new connections, and finishes running requests within
    /// `limits.drain_ms`.
    public func run() async throws {
        defer {
            services.couriers.stop()
            services.agent.close()
        }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for listener in listeners { tasks.addTask { try await listener.run() } }
            try await tasks.waitForAll()
        }
    }

    private static func name(_ source: HTTPListener.Source, _ address: SocketAddress?) -> String {
        if case .bind(.unix(let path)) = source { return "unix:\(path)" }
        guard let host = address?.ipAddress, let port = address?.port else { return "unix" }
        return "\(ListenAddress.address(host, port: port))"
    }

    /// On a socket that other hosts reach, the gateway requires authentication, and TLS for tokens, also if systemd
    /// passed the socket.
    private static func check(_ socket: Descriptor, _ configuration: GatewayConfiguration) throws {
        guard let address = localAddress(socket.number), let host = address.ipAddress, !ListenAddress.isLoopback(host)
        else {
            return
        }
        guard configuration.authentication.none else {
            guard configuration.tls == nil, !configuration.isBehindProxy else { return }
            throw DTAError(
                .failedPrecondition, "tokens would come to the socket that was passed in, \(address), without TLS",
                hint: "tls.certificate and tls.key, or behind_proxy: true if something before it has TLS")
        }
        throw DTAError(
            .failedPrecondition, "authentication.none: true does not go with the socket that was passed in, \(address)",
            hint: "ListenStream=127.0.0.1:8440 or a path in dtagw.socket, or ask for tokens")
    }

    private static func localAddress(_ socket: Int32) -> SocketAddress? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
        }
        guard result == 0 else { return nil }
        let family = Int32(storage.ss_family)
        return withUnsafePointer(to: &storage) { pointer in
            switch family {
            case AF_INET:
                pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { SocketAddress($0.pointee, host: "") }
            case AF_INET6:
                pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { SocketAddress($0.pointee, host: "") }
            default: nil
            }
        }
    }
}
