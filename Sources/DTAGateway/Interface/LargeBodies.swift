import DTASystem
import Hummingbird

/// The memory for large bodies: for a request from before its first byte until it is answered, for an answer until its
/// last byte is written. Without it there could be one for each connection.
final class LargeBodies: Sendable {
    /// A client's share; given back when this is released.
    final class Share: Sendable {
        private let bodies: LargeBodies
        private let account: RateLimiter.Account
        private let bytes: Int

        fileprivate init(_ bodies: LargeBodies, _ account: RateLimiter.Account, _ bytes: Int) {
            (self.bodies, self.account, self.bytes) = (bodies, account, bytes)
        }

        deinit { bodies.giveBack(bytes, account) }
    }

    private struct Held {
        var all = 0
        var byAccount: [RateLimiter.Account: Int] = [:]
    }

    /// The most bytes of all clients.
    let limit: Int
    private let held = Locked(Held())

    /// - Parameter limit: bytes.
    init(limit: Int) { self.limit = limit }

    /// One client has half at most. Without authentication all clients are one and have all.
    /// - Throws: `Problem`, 503, if there is no room.
    func take(_ bytes: Int, for client: Client) throws -> Share {
        let most = client.kind == .anybody ? limit : limit / 2
        let isTaken = held.withLock { held in
            let own = held.byAccount[client.account] ?? 0
            guard held.all + bytes <= limit, own + bytes <= most else { return false }
            held.all += bytes
            held.byAccount[client.account] = own + bytes
            return true
        }
        guard isTaken else { throw Problem.busy("too many large bodies are on their way at once") }
        return Share(self, client.account, bytes)
    }

    private func giveBack(_ bytes: Int, _ account: RateLimiter.Account) {
        held.withLock { held in
            held.all -= bytes
            let rest = (held.byAccount[account] ?? 0) - bytes
            held.byAccount[account] = rest > 0 ? rest : nil
        }
    }
}

extension Reply {
    private static let piece = 256 << 10

    /// - Parameter share: held until the last byte is written.
    func response(holding share: LargeBodies.Share) -> Response {
        let buffer = ByteBuffer(bytes: bytes)
        // In pieces: the next is written when the client has read earlier ones.
        return response(
            ResponseBody(contentLength: buffer.readableBytes) { writer in
                var rest = buffer
                while rest.readableBytes > 0, let piece = rest.readSlice(length: min(rest.readableBytes, Reply.piece)) {
                    try await writer.write(piece)
                }
                try await writer.finish(nil)
                withExtendedLifetime(share) {}
            })
    }
}
