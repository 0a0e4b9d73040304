import DTASystem

/// What one user occupies: input not taken yet, requests in flight, answers not read; and how fast it asks.
final class UserAccount: Sendable {
    private struct Usage {
        var requests = 0
        var requestBytes = 0
        var heldBytes = 0
        var unreadBytes = 0
        /// What is taken of the budget that all share.
        var granted = UserAccount.gift
        var purse = Pace.Purse()
        /// Connections that wait until the user may go on.
        var waiting: [Connection] = []

        var bytes: Int { requestBytes + heldBytes + unreadBytes }
    }

    /// Bytes that every user has: most requests never use the common budget.
    static let gift = 64 << 10

    /// The user; for subordinate uids, the user that they belong to.
    let uid: UInt32
    private let budget: ByteBudget
    private let usage = Locked(Usage())

    init(uid: UInt32, budget: ByteBudget) {
        self.uid = uid
        self.budget = budget
        budget.add(UserAccount.gift)
    }

    deinit { budget.giveBack(usage.withLock { $0.granted }) }

    // MARK: What it occupies

    /// What prevents one more request.
    enum Obstacle { case ownRequests, everybodysBytes }

    /// - Parameter bytes: what the request carries.
    func beginRequest(bytes: Int, limits: ServerLimits) -> Obstacle? {
        usage.withLock {
            guard $0.requests < limits.requestsPerUser, $0.requestBytes + bytes <= limits.requestBytesPerUser else {
                return .ownRequests
            }
            $0.requestBytes += bytes
            guard settle(&$0) else {
                $0.requestBytes -= bytes
                return .everybodysBytes
            }
            $0.requests += 1
            return nil
        }
    }

    func endRequest(bytes: Int) {
        usage.withLock {
            $0.requests -= 1
            $0.requestBytes -= bytes
            _ = settle(&$0)
        }
    }

    /// - Parameter change: by how many bytes a connection's untaken input grew or shrank.
    /// - Returns: false if that makes more than `limit`, or than is left; the bytes are counted in any case.
    func hold(_ change: Int, limit: Int) -> Bool {
        usage.withLock {
            $0.heldBytes += change
            let fits = settle(&$0)
            return change <= 0 || (fits && $0.heldBytes <= limit)
        }
    }

    /// - Returns: false if that makes more unread bytes than `limit`, or than is left; the bytes are counted in any
    ///   case.
    func addUnread(_ bytes: Int, limit: Int) -> Bool {
        usage.withLock {
            $0.unreadBytes += bytes
            return settle(&$0) && $0.unreadBytes <= limit
        }
    }

    func removeUnread(_ bytes: Int) {
        usage.withLock {
            $0.unreadBytes -= bytes
            _ = settle(&$0)
        }
    }

    /// Takes from the common budget, or gives back, in steps of `gift`.
    @inline(__always)
    private func settle(_ usage: inout Usage) -> Bool {
        let bytes = usage.bytes
        if bytes <= usage.granted, usage.granted == UserAccount.gift { return true }
        let wanted = max(1, (bytes + UserAccount.gift - 1) / UserAccount.gift) * UserAccount.gift
        if wanted > usage.granted {
            guard budget.take(wanted - usage.granted, holding: usage.granted) else { return false }
        } else {
            budget.giveBack(usage.granted - wanted)
        }
        usage.granted = wanted
        return true
    }

    // MARK: How fast it asks

    /// Pays for a request.
    /// - Returns: whether the user must wait from now on, and until when (monotonic).
    func pay(_ price: Int, to pace: Pace, at now: UInt64) -> UInt64? {
        usage.withLock { $0.purse.pay(price, to: pace, at: now) }
    }

    /// Whether it sent a request so recently that it may still have to pay for it.
    func isPaying(_ now: UInt64) -> Bool { usage.withLock { $0.purse.isInUse(now) } }

    /// Keeps a connection until the user may go on; false if it may now.
    func park(_ connection: Connection) -> Bool {
        usage.withLock {
            guard $0.purse.isPaused else { return false }
            $0.waiting.append(connection)
            return true
        }
    }

    /// The wait is over.
    func resume() {
        let waiting = usage.withLock { usage -> [Connection] in
            usage.purse.isPaused = false
            defer { usage.waiting = [] }
            return usage.waiting
        }
        for connection in waiting { connection.resume() }
    }
}
