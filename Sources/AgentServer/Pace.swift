import DTASystem
import Glibc

/// How many requests a second may come that need no HSM, of all users together: the HSM limits signatures, but nothing
/// limits these. Each leaves a record, and takes a worker's time. All users that send requests have equal shares. If a
/// user exceeds its share, nothing is read from it until it has paid. A refusal costs more, because an honest user has
/// few.
final class Pace: Sendable {
    /// What a refused request costs.
    static let refusalPrice = 10
    /// How long the record of a request may be that pays nothing for it, and how much of the rest costs as much as a request.
    private static let recordUnit = 512
    /// How much of its share of a second a user may have at once.
    private static let burst = 4
    private static let leastBurst = 20
    private static let longestPause = 1.0

    /// What one user has left, guarded by its account's lock.
    struct Purse {
        var isPaused = false
        private var left = 0.0
        private var filled: UInt64 = 0
        /// The last second in which the user was counted.
        fileprivate var period = UInt64.max

        /// - Returns: until when the user must wait, if it must from now on.
        mutating func pay(_ price: Int, to pace: Pace, at now: UInt64) -> UInt64? {
            let share = Double(pace.share(of: &self))
            let most = max(Double(Pace.leastBurst), share / Double(Pace.burst))
            // A new one is full.
            let earned = filled == 0 ? most : Double(now - min(filled, now)) * share / 1e9
            left = min(most, left + earned)
            left = max(left - Double(price), -share)
            filled = now
            guard left < 0, !isPaused else { return nil }
            isPaused = true
            let seconds = min((most / 2 - left) / share, Pace.longestPause)
            return now + UInt64(seconds * 1e9)
        }

        /// Whether it is perhaps not full again yet.
        func isInUse(_ now: UInt64) -> Bool { isPaused || (filled != 0 && now < filled + 2_000_000_000) }
    }

    private struct State {
        var period: UInt64 = 0
        var began: UInt64 = 0
        /// Users that asked in this second, and in the one before.
        var active = 0
        var before = 0
    }

    private struct Pauses {
        var accounts: [(until: UInt64, account: UserAccount)] = []
        var isStopping = false
    }

    private let perSecond: Int
    private let state = Locked(State())
    private let pauses = Monitor(Pauses())

    init(perSecond: Int) { self.perSecond = perSecond }

    /// What a request pays for its record in the audit log, whose disk all users share: long paths and names can make it
    /// several times as long as others.
    static func price(ofRecord bytes: Int) -> Int { (max(0, bytes - 1)) / recordUnit }

    /// Lets a user pay, and wait if it has nothing left.
    func charge(_ account: UserAccount, _ price: Int) {
        guard let until = account.pay(price, to: self, at: monotonicNanoseconds()) else { return }
        pauses.withLockSignalling { $0.accounts.append((until, account)) }
    }

    private func share(of purse: inout Purse) -> Int {
        state.withLock {
            if purse.period != $0.period {
                purse.period = $0.period
                $0.active += 1
            }
            return max(1, perSecond / max($0.active, $0.before, 1))
        }
    }

    /// To be called several times a second.
    func tick(_ now: UInt64) {
        state.withLock {
            guard now - min($0.began, now) >= 1_000_000_000 else { return }
            $0.began = now
            $0.period += 1
            $0.before = $0.active
            $0.active = 0
        }
    }

    // MARK: Going on

    /// For a thread of its own: lets users go on that have waited for long enough, until `stop`.
    func run() {
        while true {
            let goesOn = pauses.wait { pauses -> Bool? in
                pauses.isStopping ? false : pauses.accounts.isEmpty ? nil : true
            }
            guard goesOn == true else { return }
            // Fine enough for shares of a second, and rare enough to cost nothing.
            usleep(5000)
            let now = monotonicNanoseconds()
            let due = pauses.withLock { pauses -> [UserAccount] in
                let due = pauses.accounts.filter { $0.until <= now }.map(\.account)
                pauses.accounts.removeAll { $0.until <= now }
                return due
            }
            for account in due { account.resume() }
        }
    }

    func stop() { pauses.withLockSignalling { $0.isStopping = true } }
}
