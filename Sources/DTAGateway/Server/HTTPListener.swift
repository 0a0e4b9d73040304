import DTASystem
import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOExtras
import NIOPosix
import ServiceLifecycle

/// One address or socket with its connections, from binding to the last answer. Hummingbird's own server cannot use a
/// socket that systemd passes.
struct HTTPListener: Service {
    /// An address to bind, or a socket that listens already.
    enum Source: Sendable {
        case bind(ListenAddress)
        case passed(Descriptor)
    }

    let source: Source
    let limits: GatewayConfiguration.Limits
    let tls: TLSConfiguration?
    let responder: any HTTPResponder<GatewayContext>
    let connections: Connections
    let proxies: TrustedProxies
    /// Logs each request; nil: none.
    let access: AccessLog?
    let logger: Logger
    /// Called once it accepts connections, with the address.
    let isListening: @Sendable (SocketAddress?) -> Void

    func run() async throws {
        let http = HTTP1Channel(
            responder: { request, writer, channel in
                // A closed connection cannot take the answer.
                guard let connection = connections[channel] else { throw ChannelError.ioOnClosedChannel }
                let response = try await answer(request, connection, channel)
                try await writer.write(response: response.head, body: response.body)
            },
            configuration: .init(
                additionalChannelHandlers: [ClientDeadlines(.init(limits), refused: noteRefusal)],
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: limits.headBytes, maxHeaderListSize: limits.headBytes, maxHeaderFieldCount: 100)
            ))
        let strict = StrictHTTPChannel(http: http, connections: connections)
        if let tls {
            try await serve(try TLSChannel(strict, tlsConfiguration: tls))
        } else {
            try await serve(strict)
        }
    }

    /// Answers one request, and returns whether the connection goes on.
    private func answer(
        _ request: Request, _ connection: ClientConnection, _ channel: any Channel
    ) async throws -> Response {
        let start = monotonicNanoseconds()
        // It may have been read before the answer that ends the connection was made. It is not done, and that answer is
        // still sent.
        guard !connection.isClosing else {
            try await channel.closeFuture.get()
            throw ChannelError.ioOnClosedChannel
        }
        var context = GatewayContext(source: .init(channel: channel, logger: logger))
        context.facts = connection.next()
        context.address = proxies.client(
            forwarded: request.headers[values: HTTPListener.forwardedFor], connected: connection.address)
        var response = try await responder.respond(to: request, context: context)
        // The same for a refusal: its fields describe the body that is not sent.
        if request.method == .head { response = response.createHeadResponse() }
        // The start of the next request is known only after all of this one's body was read.
        let keepsAlive =
            context.facts.keepsAlive && (!context.facts.hasBody || context.progress.hasReadBody)
            && response.headers[.connection] == nil
        if !keepsAlive {
            response.headers[.connection] = "close"
            connection.isClosing = true
        } else if context.facts.saysKeepAlive {
            response.headers[.connection] = "keep-alive"
        }
        access?.note(request, context, response, monotonicNanoseconds() - start)
        return response
    }

    private static let forwardedFor = HTTPFields.Element.Name("x-forwarded-for") ?? .via

    /// Bytes that are no HTTP, answered before they became a request.
    private func noteRefusal(_ channel: any Channel, _ status: HTTPResponse.Status) {
        access?.note(malformedFrom: connections[channel]?.address ?? "unknown", status: status)
    }

    private func serve<Child: ServerChildChannel>(_ child: Child) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let quiescing = ServerQuiescingHelper(group: group)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(ChannelOptions.backlog, value: 512)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(AvailableConnectionsChannelHandler(maxConnections: limits.connections))
                    try pipeline.addHandler(quiescing.makeServerChannelHandler(channel: channel))
                }
            }
        let isLocal = isUnixSocket
        let server = try await bind(bootstrap) { channel -> EventLoopFuture<Child.Value> in
            guard let connection = connections.open(channel, isLocal: isLocal) else {
                // After a failed setup the connection would stay open, with its client waiting.
                channel.close(promise: nil)
                return channel.eventLoop.makeFailedFuture(Connections.TooMany())
            }
            if proxies.clientAddress == .proxyProtocol, proxies.contains(connection.address) {
                do {
                    try channel.pipeline.syncOperations.addHandler(ProxyHeaderReader(connections))
                } catch {
                    return channel.eventLoop.makeFailedFuture(error)
                }
            }
            return child.setup(channel: channel, logger: logger)
        }
        defer { if case .bind(.unix(let path)) = source { unlink(path) } }
        try await withGracefulShutdownHandler {
            isListening(server.channel.localAddress)
            try await withThrowingDiscardingTaskGroup { tasks in
                try await server.executeThenClose { inbound in
                    for try await connection in inbound {
                        tasks.addTask { await child.handle(value: connection, logger: logger) }
                    }
                }
            }
        } onGracefulShutdown: {
            quiescing.initiateShutdown(promise: nil)
        }
    }

    private func bind<Output: Sendable>(
        _ bootstrap: ServerBootstrap, _ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
    ) async throws -> NIOAsyncChannel<Output, Never> {
        switch source {
        case .passed(let socket): return try await take(socket, bootstrap, initializer)
        case .bind(.unix(let path)):
            // The folder that it lies in and the socket's group decide who may connect.
            let socket: Descriptor
            do {
                socket = try UnixSocket.listen(at: path, mode: 0o660)
            } catch let error as SystemCallError where error.errno == EADDRINUSE {
                try removeStale(path)
                socket = try UnixSocket.listen(at: path, mode: 0o660)
            } catch let error as SystemCallError {
                throw DTAError(.failedPrecondition, "cannot listen on \(path): \(errorText(error.errno))")
            }
            return try await take(socket, bootstrap, initializer)
        case .bind(.address(let host, let port)):
            do {
                return try await bootstrap.bind(host: host, port: port, childChannelInitializer: initializer)
            } catch let error as IOError {
                throw DTAError(
                    .failedPrecondition, "cannot listen on \(host):\(port): \(errorText(error.errnoCode))")
            }
        }
    }

    private func take<Output: Sendable>(
        _ socket: Descriptor, _ bootstrap: ServerBootstrap,
        _ initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
    ) async throws -> NIOAsyncChannel<Output, Never> {
        // The channel closes what it is given.
        let own = try systemCall("fcntl") { fcntl(socket.number, F_DUPFD_CLOEXEC, 3) }
        return try await bootstrap.bind(own, childChannelInitializer: initializer)
    }

    private var isUnixSocket: Bool {
        switch source {
        case .bind(.unix): return true
        case .bind(.address): return false
        case .passed(let socket):
            var (storage, size) = (sockaddr(), socklen_t(MemoryLayout<sockaddr>.size))
            return getsockname(socket.number, &storage, &size) == 0 && storage.sa_family == sa_family_t(AF_UNIX)
        }
    }

    private func removeStale(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            throw DTAError(.failedPrecondition, "\(path) exists and is not a socket: it is left alone")
        }
        do {
            _ = try UnixSocket.connect(to: path)
        } catch let error as SystemCallError where error.errno == ECONNREFUSED {
            unlink(path)
            return
        }
        throw DTAError(.failedPrecondition, "another program listens on \(path)")
    }
}
