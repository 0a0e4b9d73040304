import Crypto
import DTASystem
import Foundation
import Logging
import TestSupport
import Testing

@testable import DTAGateway

/// How often somebody may ask, and who counts as one.
@Suite("Limits of the gateway", .ownThread)
struct LimitTests {
    private func limiter(perMinute: Int = 60, memory: Int = RateLimiter.memory) -> RateLimiter {
        var limits = GatewayConfiguration.Limits()
        limits.requestsPerMinute = perMinute
        limits.burst = 2
        return RateLimiter(limits, memory: memory)
    }

    @Test("a rate's bucket fills again, and looking takes nothing out of it")
    func bucket() {
        let limiter = limiter()
        let carol = RateLimiter.Account("subject", "carol")
        let second: UInt64 = 1_000_000_000
        #expect(limiter.peek(carol, now: second) == nil)
        #expect(limiter.take(carol, now: second) == nil && limiter.take(carol, now: second) == nil)
        #expect(limiter.peek(carol, now: second) == 1 && limiter.take(carol, now: second) == 1)
        #expect(limiter.peek(carol, now: 2 * second) == nil && limiter.take(carol, now: 2 * second) == nil)
        #expect(limiter.take(carol, now: 2 * second) == 1)
        #expect(limiter.take(.init("subject", "dave"), now: 2 * second) == nil)
    }

    @Test("two requests at a time are counted in any order, and the time between them is not counted twice")
    func outOfOrder() {
        let limiter = limiter()
        let carol = RateLimiter.Account("subject", "carol")
        let second: UInt64 = 1_000_000_000
        #expect(limiter.take(carol, now: 5 * second) == nil)
        // Looked at the clock first, and came to the bucket last.
        #expect(limiter.take(carol, now: 4 * second) == nil)
        #expect(limiter.peek(carol, now: 3 * second) == 1 && limiter.take(carol, now: 3 * second) == 1)
        #expect(limiter.take(carol, now: 5 * second) == 1)
        #expect(limiter.take(carol, now: 6 * second) == nil)
    }

    @Test("a crowd of strangers makes the limiter forget those who are silent, and nobody who asks")
    func crowd() {
        let limiter = limiter(memory: 1000)
        let (busy, silent) = (RateLimiter.Account("busy"), RateLimiter.Account("silent"))
        for _ in 0..<2 { #expect(limiter.take(busy, now: 1) == nil && limiter.take(silent, now: 1) == nil) }
        #expect(limiter.take(silent, now: 1) != nil)
        var refused = 0
        for index in 0..<5000 {
            #expect(limiter.take(.init("stranger", "\(index)"), now: 2) == nil)
            // He asks now and then, and each time he gets what his bucket has: one a second.
            if index % 400 == 0, limiter.take(busy, now: 1 + UInt64(index / 400) * 1_000_000_000) != nil {
                refused += 1
            }
            #expect(limiter.count <= 1000)
        }
        #expect(refused <= 1 && limiter.take(busy, now: 12_000_000_002) != nil)
        // Forgotten, and so as new.
        #expect(limiter.take(silent, now: 2) == nil)
    }

    @Test(
        "a client that guesses too often is turned away unseen; one that was heard before is not, and a proxy stands for others"
    )
    func guesses() {
        let (good, stranger) = (SHA256.hash(data: [1]), SHA256.hash(data: [2]))
        let direct = GuessLimit(limiter(perMinute: 1), isBehindProxy: false)
        direct.accept(good)
        for address in ["192.0.2.7", "2001:db8::7", "127.0.0.1", "::1", ""] {
            #expect(direct.wait(stranger, from: address) == nil, "\(address)")
            while direct.refuse(address) == nil {}
            #expect(direct.wait(good, from: address) == nil, "\(address)")
        }
        #expect(direct.wait(stranger, from: "192.0.2.7") != nil && direct.wait(stranger, from: "2001:db8::8") != nil)
        #expect(direct.wait(stranger, from: "192.0.2.8") == nil)
        for address in ["127.0.0.1", "::1", ""] { #expect(direct.wait(stranger, from: address) == nil, "\(address)") }
        let behind = GuessLimit(limiter(perMinute: 1), isBehindProxy: true)
        while behind.refuse("192.0.2.7") == nil {}
        #expect(behind.wait(stranger, from: "192.0.2.7") == nil)
    }

    @Test("a token that counted once and counts no more is nobody's way past the guesses of his neighbours")
    func forgotten() {
        let token = SHA256.hash(data: [1])
        let limit = GuessLimit(limiter(perMinute: 1), isBehindProxy: false)
        limit.accept(token)
        while limit.refuse("192.0.2.7") == nil {}
        #expect(limit.wait(token, from: "192.0.2.7") == nil)
        limit.forget(token)
        #expect(limit.wait(token, from: "192.0.2.7") != nil)
    }

    @Test("large bodies have so much of the gateway's memory, one client half of it, and give it back")
    func largeBodies() throws {
        let bodies = LargeBodies(limit: 100)
        let (bank, firm) = (
            Client(kind: .peer("bank"), account: .init("bank")), Client(kind: .peer("firm"), account: .init("firm"))
        )
        func isFull(_ bytes: Int, _ client: Client) -> Bool { (try? bodies.take(bytes, for: client)) == nil }
        var held: [FairShares.Share] = [try bodies.take(30, for: bank)]
        #expect(isFull(21, bank) && !isFull(20, bank))
        held.append(try bodies.take(50, for: firm))
        #expect(isFull(1, firm) && !isFull(20, bank))
        let anybody = Client(kind: .anybody, account: .init("anybody"))
        #expect(isFull(21, anybody) && !isFull(20, anybody))
        held = []
        #expect(!isFull(100, anybody) && !isFull(50, firm) && !isFull(50, bank))
    }

    @Test("the parts of a rate's account cannot be moved from one into the next")
    func accounts() {
        #expect(RateLimiter.Account("subject", "ab", "c") != RateLimiter.Account("subject", "a", "bc"))
        #expect(RateLimiter.Account("subject", "a") != RateLimiter.Account("token", "a"))
        #expect(RateLimiter.Account("subject", "a", "b") == RateLimiter.Account("subject", "a", "b"))
    }

    @Test(
        "an IPv6 address counts with its neighbours of the same /64, an IPv4 address by itself",
        arguments: [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("fe80::1%eth0", "fe80::2", true), ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false), ("::1", "127.0.0.1", false), ("", "127.0.0.1", false),
        ])
    func neighbours(one: String, other: String, isSame: Bool) {
        #expect((AddressPrefix.of(one) == AddressPrefix.of(other)) == isSame)
    }

    @Test("an issuer's old keys serve while new ones are looked up, and not when nobody has asked for long")
    func staleKeys() async throws {
        let issuer = try TestIssuer()
        let bytes = Array(try issuer.keySet().utf8)
        let (clock, waits, fetches) = (Locked<UInt64>(1_000_000_000_000), Locked(false), Locked(0))
        var token = GatewayConfiguration.Token(
            issuer: "https://issuer.example", audience: "dta", keys: .file("keys.json"))
        token.refreshSeconds = 300
        token.staleSeconds = 86_400
        let source = KeySource(
            token, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            now: { clock.withLock { $0 } },
            fetch: {
                fetches.withLock { $0 += 1 }
                // An issuer that is silent for as long as the test likes.
                try await eventually("the issuer") { !waits.withLock { $0 } }
                return bytes
            })
        func key() async throws -> Bool { !(try await source.candidates(id: "d", algorithm: .edDSA).isEmpty) }
        #expect(try await key())
        waits.withLock { $0 = true }
        clock.withLock { $0 += 301 * 1_000_000_000 }
        // Answered at once, though the issuer says nothing; and all ask but once.
        #expect(try await key())
        #expect(try await key())
        // The attempt begins by itself; that it does is all that is waited for.
        try await eventually("the attempt") { fetches.withLock { $0 } == 2 }
        #expect(try await key())
        #expect(fetches.withLock { $0 } == 2)
        waits.withLock { $0 = false }
        clock.withLock { $0 += 20_000 * 1_000_000_000 }
        // For so long nobody asked: now the answer waits for fresh ones.
        let before = fetches.withLock { $0 }
        #expect(try await key())
        #expect(fetches.withLock { $0 } >= before)
    }
}
