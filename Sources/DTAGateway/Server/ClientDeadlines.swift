import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Closes connections of slow clients. Time limits are for a whole head, body or answer: a client could meet a limit on
/// idle time for ever by a byte now and then.
final class ClientDeadlines: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    struct Times: Sendable {
        var head: TimeAmount
        var body: TimeAmount
        var answer: TimeAmount

        init(_ limits: GatewayConfiguration.Limits) {
            head = .milliseconds(Int64(limits.idleMilliseconds))
            body = .milliseconds(Int64(limits.bodyMilliseconds))
            answer = .milliseconds(Int64(limits.answerMilliseconds))
        }
    }

    private enum Phase { case head, body, working, answer, lingering }

    /// How long the rest of a refused client's request is read and dropped: if we closed at once, the kernel would drop
    /// our answer too.
    private static let lingering = TimeAmount.seconds(2)

    private let times: Times
    /// Called for answers to requests that are no HTTP.
    private let refused: (any Channel, HTTPResponse.Status) -> Void
    private var phase = Phase.head
    private var alarm: Scheduled<Void>?
    /// Whether the connection ends after the current answer.
    private var closes = false
    /// Whether that answer was written completely: nothing is written after it.
    private var hasEnded = false
    /// Whether the answer began before the client's body ended.
    private var isBodyOpen = false
    /// Whether the client may still send.
    private var isInputOpen = true
    /// How many requests have no answer yet.
    private var unanswered = 0
    /// Why nothing more can be read. Its answer comes in turn, after those to the requests before.
    private var broken: HTTPParserError?

    init(_ times: Times, refused: @escaping (any Channel, HTTPResponse.Status) -> Void = { _, _ in }) {
        self.times = times
        self.refused = refused
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { enter(.head, context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        enter(.head, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        alarm?.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { alarm?.cancel() }

    private func enter(_ phase: Phase, _ context: ChannelHandlerContext) {
        self.phase = phase
        alarm?.cancel()
        alarm = nil
        let time: TimeAmount
        switch phase {
        case .head: time = times.head
        case .body: time = times.body
        case .answer: time = times.answer
        case .lingering: time = ClientDeadlines.lingering
        // Our own time does not count against the client.
        case .working: return
        }
        alarm = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            // A request after the last answer is not answered, and must not be done.
            guard !closes else { return }
            isBodyOpen = true
            unanswered += 1
            if phase == .head { enter(.body, context) }
        case .end:
            isBodyOpen = false
            if phase == .body { enter(.working, context) }
            if phase == .lingering { context.close(promise: nil) }
        case .body: break
        }
        guard !closes else { return }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !hasEnded else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head) where head.status.kind == .informational: context.write(data, promise: promise)
        case .head(let head):
            closes = head.headerFields[.connection] == "close"
            enter(.answer, context)
            context.write(data, promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            let written = promise ?? context.eventLoop.makePromise()
            let ends = closes
            hasEnded = closes
            unanswered -= 1
            written.futureResult.assumeIsolated().whenComplete { [self] _ in
                if ends {
                    end(context)
                } else if !closes {
                    goOn(context)
                }
            }
            context.write(data, promise: written)
        }
    }

    /// The next request, after an answer that is not the last.
    private func goOn(_ context: ChannelHandlerContext) {
        if let broken, unanswered == 0 {
            refuse(broken, context)
        } else if isBodyOpen {
            enter(.body, context)
        } else {
            enter(unanswered > 0 ? .working : .head, context)
        }
    }

    /// Ends our side, and closes when the client has ended its side, or a moment later.
    private func end(_ context: ChannelHandlerContext) {
        guard isBodyOpen, isInputOpen else {
            context.close(promise: nil)
            return
        }
        enter(.lingering, context)
        let closed = context.eventLoop.makePromise(of: Void.self)
        closed.futureResult.assumeIsolated().whenFailure { _ in context.close(promise: nil) }
        context.close(mode: .output, promise: closed)
        context.read()
    }

    /// The responder may read no more: unread bytes at the close would drop our answer.
    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if phase == .lingering { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        guard case .inputClosed? = event as? ChannelEvent else { return }
        isInputOpen = false
        if phase == .lingering { context.close(promise: nil) }
    }

    /// Hummingbird closes at once if it cannot read a request to its end. After the last answer we close ourselves.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, hasEnded, context.channel.isActive else {
            context.close(mode: mode, promise: promise)
            return
        }
        context.channel.closeFuture.cascade(to: promise)
    }

    /// Bytes that are no HTTP, or too long a head, are answered, and the connection ends.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Further unreadable bytes are dropped.
        if error is ByteToMessageDecoderError { return }
        guard let error = error as? HTTPParserError else {
            context.fireErrorCaught(error)
            context.close(promise: nil)
            return
        }
        // After the last answer any bytes may come. Some errors are reported twice.
        guard !closes, broken == nil else { return }
        broken = error
        if unanswered == 0 {
            refuse(error, context)
        } else if isBodyOpen {
            // The reader of the body finds it broken, and answers; the time for a body is running.
            context.fireErrorCaught(error)
        }
    }

    /// Answers an unreadable request, whose end is not known.
    private func refuse(_ error: HTTPParserError, _ context: ChannelHandlerContext) {
        isBodyOpen = true
        unanswered += 1
        var problem = Problem(unreadable: error)
        problem.closes = true
        refused(context.channel, problem.status)
        let response = problem.response
        var buffer = context.channel.allocator.buffer(capacity: 256)
        buffer.writeBytes(problem.body)
        var head = response.head
        head.headerFields[.contentLength] = "\(buffer.readableBytes)"
        write(context: context, data: wrapOutboundOut(.head(head)), promise: nil)
        write(context: context, data: wrapOutboundOut(.body(buffer)), promise: nil)
        write(context: context, data: wrapOutboundOut(.end(nil)), promise: nil)
        context.flush()
    }
}

extension Problem {
    /// A head that the parser cannot read.
    fileprivate init(unreadable error: HTTPParserError) {
        switch error {
        case .headerOverflow:
            self.init(.requestHeaderFieldsTooLarge, Code.tooLarge, "the head of the request is too long")
        // The parser pauses at the preface of HTTP/2.
        case .invalidVersion, .paused:
            self.init(
                .httpVersionNotSupported, Code.versionNotSupported,
                "the request line does not end with HTTP/1.1 or HTTP/1.0")
        default: self = .invalid("this is no HTTP request")
        }
    }
}
