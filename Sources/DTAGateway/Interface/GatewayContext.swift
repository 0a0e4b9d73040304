import DTASystem
import Hummingbird
import NIOCore
import NIOHTTPTypes

/// The context of a request.
struct GatewayContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// The client's IP address, at the connection or as a proxy tells it; "" on a Unix socket.
    var address = "unknown"
    /// The head's rules for its connection.
    var facts = RequestFacts()

    /// The result of the request, for the answer and for the log.
    let progress = Progress()

    final class Progress: Sendable {
        private let state = Locked((hasReadBody: false, received: 0, client: Client?.none, route: ""))

        /// Whether all of the body was read: otherwise the connection cannot be used further.
        var hasReadBody: Bool { state.withLock { $0.hasReadBody } }
        /// Bytes of the body.
        var received: Int { state.withLock { $0.received } }
        var client: Client? { state.withLock { $0.client } }
        /// The endpoint's path, as the interface's description has it.
        var route: String { state.withLock { $0.route } }

        func didReadBody(_ bytes: Int) { state.withLock { ($0.hasReadBody, $0.received) = (true, bytes) } }
        func didAdmit(_ client: Client) { state.withLock { $0.client = client } }
        func didFind(_ route: String) { state.withLock { $0.route = route } }
    }

    /// Tells a waiting client to send its body (RFC 9110 §10.1.1).
    func askForBody() async throws {
        guard facts.expectsContinue else { return }
        try await channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue))).get()
    }
}
