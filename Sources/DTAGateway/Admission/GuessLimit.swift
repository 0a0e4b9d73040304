import Crypto
import DTASystem

/// Makes guessing cost the guesser: refused credentials are counted by address, and a client that has used up its rate
/// is turned away before any signature of its is verified. A client whose token counted lately is heard all the same,
/// so that it is not locked out by a neighbour's guesses; that it counts is verified each time.
final class GuessLimit: Sendable {
    private struct Generations {
        var young: Set<SHA256Digest> = []
        var old: Set<SHA256Digest> = []
    }

    /// The most tokens that are remembered, by their hashes.
    private static let memory = 20_000

    private let refusals: RateLimiter
    private let isBehindProxy: Bool
    private let heard = Locked(Generations())

    /// - Parameter isBehindProxy: whether all clients have the address of something before the gateway.
    init(_ refusals: RateLimiter, isBehindProxy: Bool) {
        self.refusals = refusals
        self.isBehindProxy = isBehindProxy
    }

    private func account(_ address: String) -> RateLimiter.Account { .init("address", Neighbourhood.of(address)) }

    /// Whether a client must wait before its token is looked at.
    /// - Returns: nil, or the seconds.
    func wait(_ token: SHA256Digest, from address: String) -> Int? {
        // On a Unix socket, and on loopback as well, a proxy may connect: its address is that of all its clients.
        guard !isBehindProxy, !address.isEmpty, !Place.isLoopback(address) else { return nil }
        guard !heard.withLock({ $0.young.contains(token) || $0.old.contains(token) }) else { return nil }
        return refusals.peek(account(address))
    }

    /// Counts a refusal.
    /// - Returns: nil, or the seconds that it must wait.
    func refuse(_ address: String) -> Int? { refusals.take(account(address)) }

    /// A token counts no more: it has expired, or its key is gone.
    func forget(_ token: SHA256Digest) {
        heard.withLock { known in
            known.young.remove(token)
            known.old.remove(token)
        }
    }

    /// A token counted.
    func accept(_ token: SHA256Digest) {
        heard.withLock { known in
            if known.young.count >= GuessLimit.memory / 2 {
                known.old = known.young
                known.young = []
            }
            known.young.insert(token)
        }
    }
}
