import DTASystem
import Hummingbird
import Logging

/// One line for each request: the client, its address, the route, and the answer. Tokens, names, CIDs, queries and
/// bodies are not logged. Beyond a number of lines a second, requests are counted, and the count is logged afterwards.
final class AccessLog: Sendable {
    /// Lines a second.
    static let rate = 100

    private struct Second {
        var began: UInt64 = 0
        var lines = 0
        var left = 0
    }

    private let logger: Logger
    private let second = Locked(Second())

    init(_ logger: Logger) { self.logger = logger }

    func note(_ request: Request, _ context: GatewayContext, _ response: Response, _ nanoseconds: UInt64) {
        // Health checks come every few seconds, and report their results themselves.
        let isWatch = ["/healthz", "/readyz"].contains(context.progress.route) && response.status.code == 200
        write(
            isWatch ? .debug : .info,
            [
                "address": AccessLog.place(context.address), "as": AccessLog.name(context.progress.client),
                "method": Routes.isKnown(request.method) ? request.method.rawValue : "other",
                "route": context.progress.route.isEmpty ? "other" : context.progress.route,
                "status": "\(response.status.code)", "received": "\(context.progress.received)",
                "sent": "\(response.body.contentLength ?? 0)", "ms": "\(nanoseconds / 1_000_000)",
            ])
    }

    /// Bytes that never became a request.
    func note(malformedFrom address: String, status: HTTPResponse.Status) {
        write(
            .info, ["address": AccessLog.place(address), "as": "-", "route": "malformed", "status": "\(status.code)"])
    }

    /// - Parameter now: of a monotonic clock.
    func write(_ level: Logger.Level, _ fields: [String: String], now: UInt64 = monotonicNanoseconds()) {
        guard logger.logLevel <= level else { return }
        let (isWritten, left) = second.withLock { second -> (Bool, Int) in
            var left = 0
            if now >= second.began + 1_000_000_000 {
                left = second.left
                second = Second(began: now)
            }
            guard second.lines < AccessLog.rate else {
                second.left += 1
                return (false, left)
            }
            second.lines += 1
            return (true, left)
        }
        if left > 0 {
            logger.notice("more requests than lines were answered", metadata: ["left_out": "\(left)"])
        }
        if isWritten { logger.log(level: level, "request", metadata: fields.mapValues { "\($0)" }) }
    }

    private static func place(_ address: String) -> String { address.isEmpty ? "unix" : address }

    /// The client: a token's subject, or the beginning of a certificate's SHA-256.
    private static func name(_ client: Client?) -> String {
        switch client?.kind {
        case nil, .anybody: "-"
        case .bearer(let subject): subject.isEmpty ? "token" : "token:\(DTAGateway.shown(subject))"
        case .peer(let digest): "peer:\(digest.prefix(16))"
        }
    }
}
