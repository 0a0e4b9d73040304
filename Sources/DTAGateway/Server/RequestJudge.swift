import NIOCore
import NIOHTTP1

/// Looks at each request's head as it came, before its version, its Host and its target are lost in types that have no room
/// for them. A refused request goes on without a body, so that its refusal is answered in its turn; nothing behind it counts.
final class RequestJudge: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    private let connection: ClientConnection
    private var hasRefused = false

    init(_ connection: ClientConnection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(var head):
            guard !hasRefused else { return }
            let facts = RequestFacts(judging: &head)
            if facts.refusal != nil {
                hasRefused = true
                head = HTTPRequestHead(version: .http1_1, method: head.method, uri: "/")
            }
            connection.note(facts)
            context.fireChannelRead(wrapInboundOut(.head(head)))
        case .body:
            guard !hasRefused else { return }
            context.fireChannelRead(data)
        case .end: context.fireChannelRead(data)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What follows a refused request need not be HTTP.
        guard !hasRefused || !(error is HTTPParserError || error is ByteToMessageDecoderError) else { return }
        context.fireErrorCaught(error)
    }
}
