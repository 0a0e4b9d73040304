import Hummingbird

/// The memory for large bodies: of a request from before its first byte until it is answered, of an answer until its
/// last byte is written. Without it as many of them could be on their way as there are connections.
struct LargeBodies: Sendable {
    private let shares: FairShares

    /// - Parameter limit: bytes of all clients.
    init(limit: Int) { shares = FairShares(limit: limit) }

    /// The most bytes of all clients.
    var limit: Int { shares.limit }

    /// - Throws: `Problem`, 503, if there is no room.
    func take(_ bytes: Int, for client: Client) throws -> FairShares.Share {
        guard let share = shares.take(bytes, for: client) else {
            throw Problem.busy("too many large bodies are on their way at once")
        }
        return share
    }
}

extension Reply {
    private static let piece = 256 << 10

    /// - Parameter share: is held until the last byte is written.
    func response(holding share: FairShares.Share) -> Response {
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
