import Crypto
import DTASystem

/// The tokens that counted lately, by their hashes. Whoever comes from the address of somebody who guesses is still heard with
/// one of these; that it counts is verified each time.
final class KnownTokens: Sendable {
    private struct Generations {
        var young: Set<SHA256Digest> = []
        var old: Set<SHA256Digest> = []
    }

    private static let memory = 20_000
    private let tokens = Locked(Generations())

    func contains(_ digest: SHA256Digest) -> Bool {
        tokens.withLock { $0.young.contains(digest) || $0.old.contains(digest) }
    }

    func insert(_ digest: SHA256Digest) {
        tokens.withLock { known in
            if known.young.count >= KnownTokens.memory / 2 {
                known.old = known.young
                known.young = []
            }
            known.young.insert(digest)
        }
    }
}
