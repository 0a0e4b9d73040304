import DTASystem
import Glibc
import TestSupport
import Testing

@testable import AgentServer

@Suite("What all users share", .ownThread)
struct BudgetTests {
    @Test("one user has half of the bytes at most, and however many take what they can, as much stays for the next")
    func bytes() {
        let budget = ByteBudget(limit: 1000)
        var held: [Int] = []
        for user in 0..<10 {
            held.append(0)
            while budget.take(1, holding: held[user]) { held[user] += 1 }
        }
        #expect(held[0] == 500 && held[1] == 250)
        #expect(held.allSatisfy { $0 > 0 } == false || held.reduce(0, +) <= 1000)
        #expect(budget.used == held.reduce(0, +) && budget.used <= 1000)
        #expect(held[5] > 0)
        budget.giveBack(held[0])
        #expect(budget.take(200, holding: 0))
    }

    @Test("what requests, input and answers take of the common bytes is given back to the last one")
    func accounts() {
        var limits = ServerLimits()
        limits.bufferedBytes = 4 << 20
        let budget = ByteBudget(limit: limits.bufferedBytes)
        do {
            let account = UserAccount(uid: 7, budget: budget)
            #expect(account.beginRequest(bytes: 1000, limits: limits) == nil)
            #expect(budget.used == UserAccount.gift)
            #expect(account.hold(1 << 20, limit: limits.heldBytesPerUser))
            #expect(account.beginRequest(bytes: 512 << 10, limits: limits) == nil)
            #expect(budget.used > 3 << 19)
            // Half of four MiB is all that one user gets.
            #expect(account.beginRequest(bytes: 1 << 20, limits: limits) == .everybodysBytes)
            #expect(!account.addUnread(1 << 20, limit: limits.unreadBytesPerUser))
            account.removeUnread(1 << 20)
            #expect(account.hold(-(1 << 20), limit: limits.heldBytesPerUser))
            account.endRequest(bytes: 512 << 10)
            account.endRequest(bytes: 1000)
            #expect(budget.used == UserAccount.gift)
        }
        #expect(budget.used == 0)
    }

    @Test("users have equal shares of a second's requests, and one who has used up his waits")
    func pace() {
        let pace = Pace(perSecond: 100)
        let budget = ByteBudget(limit: 1 << 20)
        let accounts = (0..<4).map { UserAccount(uid: UInt32($0), budget: budget) }
        let start: UInt64 = 1_000_000_000_000
        pace.tick(start)
        // Alone, it has a quarter of the whole at once.
        #expect((0..<25).allSatisfy { _ in accounts[0].pay(1, to: pace, at: start) == nil })
        let until = accounts[0].pay(1, to: pace, at: start)
        #expect(until.map { $0 > start && $0 < start + 1_000_000_000 } == true)
        // It is told once, and waits then.
        #expect(accounts[0].pay(1, to: pace, at: start) == nil)
        // The others have what is theirs, and the more of them there are, the less that is.
        for account in accounts.dropFirst() {
            #expect((0..<20).allSatisfy { _ in account.pay(1, to: pace, at: start) == nil })
            #expect(account.pay(1, to: pace, at: start) != nil)
        }
        accounts[3].resume()
        // A quarter of 100 a second, one of which pays what was owed.
        let later = start + 500_000_000
        #expect((0..<11).allSatisfy { _ in accounts[3].pay(1, to: pace, at: later) == nil })
        #expect(accounts[3].pay(1, to: pace, at: later) != nil)
    }

    @Test("a record of the usual length costs nothing, and a long one as many requests as it has half KiB more")
    func records() {
        #expect([0, 300, 512, 513, 1024, 1025, 2300].map(Pace.price) == [0, 0, 0, 1, 1, 2, 4])
    }

    @Test("a user's name is asked for once, and again as soon as the file of users changes")
    func names() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("passwd", "a:x:1000:1000::/:/bin/sh\nbad line\n")
        let asked = Locked<[UInt32]>([])
        let names = UserNames(file: file) { uid in
            asked.withLock { $0.append(uid) }
            return "user\(uid)-\(asked.withLock { $0.count })"
        }
        #expect(names.remembered(1000) == nil)
        #expect(names.isLocal(1000) && !names.isLocal(1001))
        #expect(names.find(1000) == "user1000-1")
        if let again = names.remembered(1000) { #expect(again == "user1000-1") }
        try directory.write("passwd", "b:x:1000:1000::/:/bin/sh\nc:x:1001:1001::/:/bin/sh\n")
        #expect(names.remembered(1000) == nil)
        #expect(names.isLocal(1001))
        #expect(names.find(1000) == "user1000-2")
    }
}
