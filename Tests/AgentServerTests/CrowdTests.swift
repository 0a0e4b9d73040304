import AgentProtocol
import DTASystem
import Glibc
import TestSupport
import Testing

@testable import AgentServer

@Suite("Many users", .ownThread, .enabled(if: Crowd.isPossible, "several users need root"))
struct CrowdTests {
    /// Look-ups that hang until they are released.
    final class Gate: Sendable {
        private let state = Monitor((isOpen: false, asked: [UInt32]()))

        var asked: [UInt32] { state.withLock { $0.asked } }

        func wait(_ uid: UInt32) {
            state.withLockSignalling { $0.asked.append(uid) }
            _ = state.wait { $0.isOpen ? true : nil }
        }

        func open() { for _ in 0..<64 { state.withLockSignalling { $0.isOpen = true } } }
    }

    @Test("users who all want connections share them: the one with most gives way, and the last places are for others")
    func connections() throws {
        var limits = ServerLimits()
        limits.connections = 20
        limits.connectionsPerUser = 50
        let test = try TestServer(limits: limits)
        test.openToAll()
        let said = try Crowd.run(
            """
            def opened(uid):
                made = agent(uid)
                return made, asked(made)
            greedy = [opened(70001) for _ in range(19)]
            print([said for _, said in greedy].count("OK"))
            print(opened(70001)[1])
            second, said = opened(70002)
            print(said)
            # All places are taken now. The greedy one's longest idle connection makes room. For how long a connection is
            # idle is told by CLOCK_MONOTONIC_COARSE, whose next tick makes the first one the last.
            tick = time.clock_gettime(6)
            while time.clock_gettime(6) == tick: pass
            greedy[0][0].call("status")
            third, said = opened(70003)
            print(said)
            print([asked(one) for one, _ in greedy].count("OK"), asked(greedy[0][0]))
            root, said = opened(0)
            print(said, asked(second), asked(third))
            # He has fewer than the greedy one, until they have the same.
            mine = [opened(70003) for _ in range(18)]
            print(5 < [said for _, said in mine].count("OK") < 12)
            print(asked(second), asked(root))
            """, on: test.path)
        #expect(
            said.split(separator: "\n") == [
                "19", "RESOURCE_EXHAUSTED", "OK", "OK", "18 OK", "OK OK OK", "True", "OK OK",
            ], "\(said)")
        #expect(test.registry.count <= 20)
    }

    @Test("uids that are one user's have together what one user may have")
    func subordinates() throws {
        var limits = ServerLimits()
        limits.connectionsPerUser = 3
        var sources = CallerSources()
        sources.payer = { (100_000..<165_536).contains($0) ? 1000 : $0 }
        let test = try TestServer(limits: limits, sources: sources)
        test.openToAll()
        let said = try Crowd.run(
            """
            held = [agent(uid) for uid in (100000, 100001, 1000)]
            print([asked(one) for one in held])
            for uid in (100002, 1000, 165536):
                print(asked(agent(uid)))
            """, on: test.path)
        #expect(
            said.split(separator: "\n") == [
                "['OK', 'OK', 'OK']", "RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED", "OK",
            ], "\(said)")
    }

    @Test("users whose names nobody answers wait, are given up in the end, and hold up nobody else's connection")
    func hangingNames() throws {
        let gate = Gate()
        var sources = CallerSources()
        sources.userName = { uid in
            if (70_001...70_006).contains(uid) { gate.wait(uid) }
            return "user"
        }
        var limits = ServerLimits()
        limits.introductionNanoseconds = 2_000_000_000
        let test = try TestServer(limits: limits, sources: sources)
        defer { gate.open() }
        test.openToAll()
        let said = try Crowd.run(
            """
            stuck = [agent(uid) for uid in range(70001, 70007)]
            ids = [one.send("status") for one in stuck]
            # In the file of users, so that nobody has to be asked who hangs.
            for _ in range(3):
                other = agent(33)
                print(code(lambda: other.call("status")))
            print([code(lambda: one.receive(number)) for one, number in zip(stuck, ids)].count("UNAVAILABLE"))
            """, on: test.path)
        #expect(said.split(separator: "\n") == ["OK", "OK", "OK", "6"], "\(said)")
        // Four threads ask, for four users.
        #expect(Set(gate.asked).count == 4)
        try eventually("nothing of them is left") { test.registry.count == 0 }
    }

    @Test("users who come again and again while nobody answers for their names leave no socket behind")
    func hangingForLong() throws {
        let gate = Gate()
        var sources = CallerSources()
        sources.userName = { uid in
            gate.wait(uid)
            return "user"
        }
        var limits = ServerLimits()
        limits.introductionNanoseconds = 50_000_000
        limits.connectionsPerUser = 8
        let test = try TestServer(limits: limits, sources: sources)
        defer { gate.open() }
        test.openToAll()
        let said = try Crowd.run(
            """
            said = [asked(agent(70001)) for _ in range(20)]
            print(set(said) <= {"UNAVAILABLE", "CLOSED"}, said.count("UNAVAILABLE") > 0)
            """, on: test.path)
        #expect(said == "True True")
        #expect(gate.asked == [70_001])
        // The kernel's list has the listener, and each connection that is still open here.
        try eventually("no socket is left") {
            try readSmallText("/proc/net/unix").split(separator: "\n").count { $0.hasSuffix(test.path) } == 1
        }
    }

    @Test("users whose programs cannot be read wait for the digest alone, and are who they are when it is there")
    func hangingDigest() throws {
        let gate = Gate()
        var sources = CallerSources()
        sources.userName = { _ in "user" }
        sources.hashesPrograms = { true }
        sources.needsDigest = { $0.uid == 70_001 }
        sources.digest = { _ in
            gate.wait(0)
            return "digest"
        }
        let test = try TestServer(sources: sources)
        test.openToAll()
        let crowd = try Crowd.start(
            """
            one = agent(70001)
            number = one.send("status")
            two = agent(70002)
            print(code(lambda: two.call("status")), flush=True)
            print(code(lambda: one.receive(number)))
            """, on: test.path)
        try eventually("the other one is served") { crowd.soFar == "OK\n" }
        try eventually("the digest is asked for") { gate.asked.count == 1 }
        #expect(crowd.soFar == "OK\n")
        gate.open()
        #expect(try crowd.output() == "OK\nOK")
    }

    @Test("users who are refused again and again wait for their next turn, and others do not")
    func pace() throws {
        var limits = ServerLimits()
        limits.requestsPerSecond = 100
        let test = try TestServer(limits: limits)
        test.openToAll()
        // 2,000 refusals take two minutes at that pace, on however many connections.
        let crowd = try Crowd.start(
            """
            for _ in range(250):
                held = [agent(70001) for _ in range(8)]
                numbers = [one.send("key_list") for one in held]
                print([code(lambda: one.receive(number)) for one, number in zip(held, numbers)], flush=True)
            """, on: test.path)
        try eventually("it is refused") { crowd.soFar.contains("INVALID_ARGUMENT") }
        let client = try test.connect()
        for id in 1...20 {
            try client.send(.random, id: UInt64(id), count: 3)
            #expect(try client.receive()?.data.count == 3)
        }
        #expect(crowd.soFar.split(separator: "\n").count < 250)
    }

    @Test("users whose requests leave long records in the audit log wait for their next turn, and others do not")
    func longRecords() throws {
        var limits = ServerLimits()
        limits.requestsPerSecond = 100
        let test = try TestServer(limits: limits)
        test.openToAll()
        // Each costs as much as a second's requests.
        let crowd = try Crowd.start(
            """
            one = agent(70001)
            for _ in range(250):
                print(code(lambda: one.call("sign", count=3)), flush=True)
            """, on: test.path)
        try eventually("it is served") { crowd.soFar.contains("OK") }
        let client = try test.connect()
        for id in 1...20 {
            try client.send(.random, id: UInt64(id), count: 3)
            #expect(try client.receive()?.data.count == 3)
        }
        #expect(crowd.soFar.split(separator: "\n").count < 250)
    }
}
