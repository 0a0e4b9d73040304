import Crypto
import DTABytes
import DTASystem

/// Requests a minute for each client, with a burst: a bucket of tokens that fills steadily.
///
/// Clients are remembered in two generations: a client that asks is in the young one. When that is full, the old one is
/// forgotten. So memory is bounded, and new clients push out only clients that sent nothing while a whole generation
/// came.
final class RateLimiter: Sendable {
    /// The most clients that are remembered.
    static let memory = 100_000

    /// The client's name, hashed to 16 bytes.
    struct Account: Hashable, Sendable {
        private let high: UInt64
        private let low: UInt64

        /// - Parameter parts: its name; other boundaries between the parts give another key.
        init(_ parts: String...) {
            var hash = SHA256()
            for part in parts {
                hash.update(data: Array("\(part.utf8.count):".utf8))
                hash.update(data: Array(part.utf8))
            }
            let bytes = Array(hash.finalize())
            func word(_ start: Int) -> UInt64 { UInt64(bigEndianBytes: bytes[start..<start + 8]) }
            (high, low) = (word(0), word(8))
        }
    }

    private struct Bucket {
        var level: Double
        var time: UInt64
    }

    private struct Buckets {
        var young: [Account: Bucket] = [:]
        var old: [Account: Bucket] = [:]

        subscript(_ account: Account) -> Bucket? { young[account] ?? old[account] }

        mutating func remember(_ bucket: Bucket, _ account: Account, memory: Int) {
            if young.count >= memory / 2, young[account] == nil {
                old = young
                young = [:]
            }
            young[account] = bucket
        }
    }

    private let perSecond: Double
    private let burst: Double
    private let memory: Int
    private let buckets = Locked(Buckets())

    init(_ limits: GatewayConfiguration.Limits, memory: Int = RateLimiter.memory) {
        perSecond = Double(limits.requestsPerMinute) / 60
        burst = Double(limits.burst)
        self.memory = memory
    }

    /// Takes one request from a client's bucket.
    /// - Returns: nil, or the seconds until a request is allowed again.
    func take(_ account: Account, now: UInt64 = monotonicNanoseconds()) -> Int? {
        buckets.withLock { known -> Int? in
            let left = known[account].map { level($0, now) } ?? burst
            if let wait = wait(left) { return wait }
            // A later request may have been counted first, so a bucket's time never goes back.
            let time = max(now, known[account]?.time ?? now)
            known.remember(Bucket(level: left - 1, time: time), account, memory: memory)
            return nil
        }
    }

    /// Whether a client's bucket is empty, taking nothing.
    /// - Returns: nil, or the seconds until a request is allowed again.
    func peek(_ account: Account, now: UInt64 = monotonicNanoseconds()) -> Int? {
        buckets.withLock { known in known[account].flatMap { wait(level($0, now)) } }
    }

    /// How many are remembered.
    var count: Int { buckets.withLock { $0.young.count + $0.old.count } }

    private func wait(_ level: Double) -> Int? {
        level >= 1 ? nil : Int(((1 - level) / perSecond).rounded(.up))
    }

    private func level(_ bucket: Bucket, _ now: UInt64) -> Double {
        let passed = now > bucket.time ? now - bucket.time : 0
        return min(burst, bucket.level + Double(passed) / 1e9 * perSecond)
    }
}
