import DTASystem

/// So many requests a minute for each client, with a burst: a bucket of tokens that fills steadily.
final class RateLimiter: Sendable {
    /// The most clients that are remembered: beyond it those with full buckets are forgotten, which changes nothing for them,
    /// and then all.
    static let memory = 100_000

    private struct Bucket {
        var level: Double
        var time: UInt64
    }

    private let perSecond: Double
    private let burst: Double
    private let buckets = Locked<[String: Bucket]>([:])

    init(_ limits: GatewayConfiguration.Limits) {
        perSecond = Double(limits.requestsPerMinute) / 60
        burst = Double(limits.burst)
    }

    /// Takes one request's worth from a client's bucket.
    /// - Returns: nil, or the seconds until there is some again.
    func take(_ client: String, now: UInt64 = monotonicNanoseconds()) -> Int? {
        buckets.withLock { known -> Int? in
            if known.count >= RateLimiter.memory, known[client] == nil {
                known = known.filter { level($0.value, now) < burst }
                if known.count >= RateLimiter.memory { known = [:] }
            }
            let left = known[client].map { level($0, now) } ?? burst
            guard left >= 1 else { return Int(((1 - left) / perSecond).rounded(.up)) }
            known[client] = Bucket(level: left - 1, time: now)
            return nil
        }
    }

    private func level(_ bucket: Bucket, _ now: UInt64) -> Double {
        min(burst, bucket.level + Double(now - bucket.time) / 1e9 * perSecond)
    }
}
