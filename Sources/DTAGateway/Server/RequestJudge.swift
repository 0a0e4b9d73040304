import NIOCore
import NIOHTTP1

/// Checks each request's head as it came, before Hummingbird's types lose its version, its Host and its target. A
/// refused request goes on without a body, so that it is answered in its turn; requests after it are ignored.
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
        // Bytes after a refused request need not be HTTP.
        guard !hasRefused || !(error is HTTPParserError || error is ByteToMessageDecoderError) else { return }
        context.fireErrorCaught(error)
    }
}
