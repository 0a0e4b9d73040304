import DTASystem

/// Something that all clients share, of which there is only so much: bytes of memory, places in a queue.
///
/// One client has half at most, so that there is something left for others. Without authentication all clients
/// are one and have all.
final class FairShares: Sendable {
    /// What a client holds; given back when this is released.
    final class Share: Sendable {
        private let shares: FairShares
        private let account: RateLimiter.Account
        private let amount: Int

        fileprivate init(_ shares: FairShares, _ account: RateLimiter.Account, _ amount: Int) {
            (self.shares, self.account, self.amount) = (shares, account, amount)
        }

        deinit { shares.giveBack(amount, account) }
    }

    private struct Held {
        var all = 0
        var byAccount: [RateLimiter.Account: Int] = [:]
    }

    /// The most that all clients hold together.
    let limit: Int
    private let held = Locked(Held())

    init(limit: Int) { self.limit = limit }

    /// - Returns: nil if there is not as much left, of all or for this client.
    func take(_ amount: Int, for client: Client) -> Share? {
        let most = client.kind == .anybody ? limit : limit / 2
        let isTaken = held.withLock { held in
            let own = held.byAccount[client.account] ?? 0
            guard held.all + amount <= limit, own + amount <= most else { return false }
            held.all += amount
            held.byAccount[client.account] = own + amount
            return true
        }
        return isTaken ? Share(self, client.account, amount) : nil
    }

    private func giveBack(_ amount: Int, _ account: RateLimiter.Account) {
        held.withLock { held in
            held.all -= amount
            let rest = (held.byAccount[account] ?? 0) - amount
            held.byAccount[account] = rest > 0 ? rest : nil
        }
    }
}
