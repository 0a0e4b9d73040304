import Crypto
import DTASystem

/// Limits guesses: refused credentials are counted by address, and a client that has used up its rate is refused before
/// any of its signatures is verified. A token that was accepted lately is still verified, so that guesses from the same
/// address do not lock its bearer out.
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

    /// - Parameter isBehindProxy: whether all clients have the address of a proxy.
    init(_ refusals: RateLimiter, isBehindProxy: Bool) {
        self.refusals = refusals
        self.isBehindProxy = isBehindProxy
    }

    private func account(_ address: String) -> RateLimiter.Account { .init("address", AddressPrefix.of(address)) }

    /// Whether a client must wait before its token is verified.
    /// - Returns: nil, or the seconds.
    func wait(_ token: SHA256Digest, from address: String) -> Int? {
        // On a Unix socket and on loopback the client may be a proxy, which has one address for all its clients.
        guard !isBehindProxy, !address.isEmpty, !ListenAddress.isLoopback(address) else { return nil }
        guard !heard.withLock({ $0.young.contains(token) || $0.old.contains(token) }) else { return nil }
        return refusals.peek(account(address))
    }

    /// Counts a refusal.
    /// - Returns: nil, or the seconds that it must wait.
    func refuse(_ address: String) -> Int? { refusals.take(account(address)) }

    /// A token is no longer valid: it has expired, or its key is gone.
    func forget(_ token: SHA256Digest) {
        heard.withLock { known in
            known.young.remove(token)
            known.old.remove(token)
        }
    }

    /// A token was accepted.
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
