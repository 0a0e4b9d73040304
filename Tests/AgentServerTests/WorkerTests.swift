import AgentProtocol
import CustodyProtocol
import DTASystem
import Glibc
import TestSupport
import Testing

@testable import AgentServer

@Suite("The workers", .ownThread)
struct WorkerTests {
    @Test("the workers answer requests that arrive in one piece, in many pieces, and many at once")
    func framing() throws {
        let test = try TestServer()
        let client = try test.connect()
        for byte in try RawClient.frame(.random, id: 1, count: 5) { try client.send([byte]) }
        #expect(try client.receive()?.data.count == 5)

        var all: [UInt8] = []
        for id in 2...200 { all += try RawClient.frame(id % 3 == 0 ? .mac : .random, id: UInt64(id), count: 1) }
        try client.send(all)
        var answered: Set<UInt64> = []
        for _ in 2...200 { answered.insert(try #require(try client.receive()).id) }
        #expect(answered == Set(2...200))
    }

    @Test("the workers carry many clients at once, and every answer belongs to its question")
    func manyClients() async throws {
        let test = try TestServer()
        let path = test.path
        let wrong = await withTaskGroup(of: Int.self) { group in
            for number in 0..<8 {
                group.addTask {
                    do {
                        let client = try RawClient(path)
                        var wrong = 0
                        for id in 1...300 {
                            let count = UInt32(number * 300 + id)
                            try client.send(.random, id: UInt64(id), count: count)
                            let answer = try client.receive()
                            if answer?.id != UInt64(id) || answer?.data.count != Int(count) { wrong += 1 }
                        }
                        return wrong
                    } catch { return 1000 }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(wrong == 0)
    }

    @Test(
        "the workers go on with a request that looked something up, with one that asked another program, and refuse it at the deadline"
    )
    func steps() throws {
        let test = try TestServer(processes: 1, deadlineMilliseconds: 500)
        let client = try test.connect()
        for id in 1...40 { try client.send(id % 2 == 0 ? .envelopeOpen : .ledgerGet, id: UInt64(id), count: 7) }
        var sizes: [UInt64: Int] = [:]
        for _ in 1...40 {
            let answer = try #require(try client.receive())
            sizes[answer.id] = answer.data.count
        }
        #expect(sizes.count == 40 && sizes.values.allSatisfy { $0 == 7 })
        // One of them finds the HSM idle and hangs; the others wait for it as requests do, up to the deadline.
        test.script.hang()
        for id in 51...60 { try client.send(.ledgerGet, id: UInt64(id), count: 1) }
        var refused = 0
        for _ in 1...9 where try client.receive()?.code == .unavailable { refused += 1 }
        #expect(refused == 9)
        test.script.release()
        #expect(try client.receive()?.code == .ok)
    }

    @Test(
        "the workers wait for a program that hangs in its own lane, so that nobody else does, and one user never takes all of it"
    )
    func stuckProgram() throws {
        let test = try TestServer()
        let client = try test.connect()
        for id in 1...10 { try client.send(.ledgerList, id: UInt64(id), count: 0) }
        // Two are asked, one waits, the others hold nothing.
        for _ in 0..<7 { #expect(try client.receive()?.code == .resourceExhausted) }
        try eventually("the program is asked") { test.stuck.asked == 2 }
        let others: [AgentOperation] = [.ledgerList, .ledgerGet, .mac, .envelopeOpen, .ledgerPut, .status]
        for (index, operation) in others.enumerated() { try client.send(operation, id: UInt64(100 + index), count: 1) }
        var answered: Set<UInt64> = []
        for _ in others { answered.insert(try #require(try client.receive()).id) }
        #expect(answered == Set(100..<106))
        #expect(test.stuck.asked == 2)
        test.stuck.release()
        for _ in 0..<3 { #expect(try client.receive()?.code == .ok) }
        #expect(test.stuck.asked == 3)
    }

    @Test("the workers answer status, refusals and durable work while every HSM call hangs, and the rest afterwards")
    func hangingHSM() throws {
        let test = try TestServer(processes: 2)
        let client = try test.connect()
        try client.send(.random, id: 1)
        #expect(try client.receive()?.id == 1)
        test.script.hang()
        for id in 10..<30 { try client.send(.random, id: UInt64(id), count: 3) }
        try client.send(.mac, id: 30, count: 3)
        try client.send(.status, id: 40)
        try client.send(.ledgerPut, id: 41)
        try client.send(.keyList, id: 42)
        var early: Set<UInt64> = []
        for _ in 0..<3 { early.insert(try #require(try client.receive()).id) }
        #expect(early == [40, 41, 42])
        let before = test.server.answeredPings
        test.server.ping()
        try eventually("a worker answers the watchdog") { test.server.answeredPings > before }
        test.script.release()
        var late: Set<UInt64> = []
        for _ in 10...30 { late.insert(try #require(try client.receive()).id) }
        #expect(late == Set(10...30))
    }

    @Test(
        "the workers verify and answer in the opening lanes while every HSM call hangs, and open the rest afterwards, each once"
    )
    func openingWhileHanging() throws {
        let test = try TestServer(processes: 2)
        let client = try test.connect()
        test.script.hang()
        for id in 1...40 { try client.send(.envelopeThread, id: UInt64(id), count: 4) }
        for id in 41...50 { try client.send(.random, id: UInt64(id), count: 4) }
        try eventually("both processes hang") { test.script.calls == 2 }
        try client.send(.envelopeThread, id: 100)
        #expect(try client.receive()?.id == 100)
        test.script.release()
        var answered: Set<UInt64> = []
        for _ in 1...50 {
            let response = try #require(try client.receive())
            #expect(response.data.count == 4 && answered.insert(response.id).inserted)
        }
        #expect(answered == Set(1...50))
        #expect(test.script.calls == 50)
    }

    @Test("the workers refuse what waited for an HSM process past the deadline")
    func parkedDeadline() throws {
        let test = try TestServer(processes: 1, deadlineMilliseconds: 300)
        test.script.hang()
        let client = try test.connect()
        try client.send(.random, id: 1)
        try eventually("the HSM is busy") { test.script.calls == 1 }
        try client.send(.random, id: 2)
        let refused = try client.receive()
        #expect(refused?.id == 2)
        #expect(refused?.code == .unavailable)
        test.script.release()
        #expect(try client.receive()?.id == 1)
    }

    @Test("the workers replace a process that broke: an error for its request, the connection lives")
    func brokenProcess() throws {
        let test = try TestServer(processes: 1)
        let client = try test.connect()
        test.script.hang()
        try client.send(.random, id: 1)
        try eventually("the HSM is busy") { test.script.calls == 1 }
        test.script.release(breaking: true)
        #expect(try client.receive()?.code == .unavailable)
        test.script.release()
        try client.send(.random, id: 2, count: 4)
        #expect(try client.receive()?.data.count == 4)
        #expect(test.script.processes.first?.hasEnded == true)
    }

    @Test("the workers replace a process that died while it was idle, before anybody notices")
    func idleDeath() throws {
        let test = try TestServer(processes: 1)
        try eventually("both are up") { test.script.processes.count == 2 }
        let first = try #require(test.script.processes.first)
        first.die()
        try eventually("the dead one is replaced") { first.hasEnded && test.script.processes.count == 3 }
        let client = try test.connect()
        try client.send(.random, id: 1, count: 4)
        #expect(try client.receive()?.data.count == 4)
    }

    @Test("the workers refuse at once with the reason while no process starts, and serve again without a restart")
    func outage() throws {
        let test = try TestServer(processes: 1)
        let client = try test.connect()
        try eventually("both are up") { test.script.processes.count == 2 }
        test.script.refuseStarts(DTAError(.unavailable, "the token is away"))
        for process in test.script.processes { process.die() }
        try eventually("the loss is noticed") { test.custody.health.live == 0 && test.custody.health.outage != nil }
        try client.send(.random, id: 1)
        let refusal = try client.receive()
        #expect(refusal?.code == .unavailable)
        #expect(refusal?.message == "the token is away")
        test.script.refuseStarts(nil)
        try eventually("the HSM is back") { test.custody.health.live == 1 }
        try client.send(.random, id: 2, count: 2)
        #expect(try client.receive()?.data.count == 2)
    }

    @Test("the workers make every process forget a deleted object, the busy ones as soon as they can")
    func forgetting() throws {
        let test = try TestServer(processes: 2)
        try eventually("all are up") { test.script.processes.count == 3 }
        let client = try test.connect()
        test.script.hang()
        try client.send(.random, id: 1)
        try eventually("one is busy") { test.script.calls == 1 }
        let id = ObjectID.random()
        test.custody.forget(id)
        test.script.release()
        _ = try client.receive()
        try eventually("all have forgotten") { test.script.processes.allSatisfy { $0.forgotten == [id] } }
    }

    @Test("the workers finish what runs when they are drained, and refuse what is new")
    func draining() throws {
        let test = try TestServer(processes: 1)
        let client = try test.connect()
        test.script.hang()
        try client.send(.random, id: 1, count: 6)
        try eventually("it runs") { test.script.calls == 1 }
        let finished = Locked<Bool?>(nil)
        AgentServer.Thread.start("drain") { [server = test.server] in
            let result = server.drain(deadline: monotonicNanoseconds() + 20_000_000_000)
            finished.withLock { $0 = result }
        }
        try eventually("new requests are refused") {
            try client.send(.status, id: 2)
            return try client.receive()?.code == .unavailable
        }
        test.script.release()
        #expect(try client.receive()?.data.count == 6)
        try eventually("it is drained") { finished.withLock { $0 } == true }
        #expect(try client.receive() == nil)
    }
}
