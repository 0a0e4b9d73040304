import AgentProtocol
import DTASystem
import Glibc
import TestSupport
import Testing

@testable import AgentServer

@Suite("A client that misbehaves", .ownThread)
struct HostileClientTests {
    private func others(_ test: TestServer) throws -> Bool {
        let client = try test.connect()
        try client.send(.random, id: 9, count: 3)
        return try client.receive()?.data.count == 3
    }

    @Test(
        "a client that misbehaves and announces a frame of any forbidden size gets a reason with id 0, and is closed",
        arguments: [
            0, (1 << 20 | 1 << 16) + 1, 0xffff_ffff,
        ])
    func forbiddenLength(length: Int) throws {
        let test = try TestServer()
        let client = try test.connect()
        try client.send((0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) })
        let notice = try client.receive()
        #expect(notice?.id == 0)
        #expect(notice?.code == .invalidArgument)
        #expect(try client.receive() == nil)
        #expect(try others(test))
    }

    @Test("a client that misbehaves and sends garbage in a frame of proper size gets a reason, and is closed")
    func garbage() throws {
        let test = try TestServer()
        let client = try test.connect()
        try client.send([0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0xff])
        #expect(try client.receive()?.code == .invalidArgument)
        #expect(try client.receive() == nil)
        #expect(try others(test))
    }

    @Test("a client that sends half a frame is cut off; one that sends nothing may stay")
    func halfFrame() throws {
        var limits = ServerLimits()
        limits.stallNanoseconds = 200_000_000
        let test = try TestServer(limits: limits)
        let silent = try test.connect()
        let client = try test.connect()
        try client.send([0, 0, 0, 50, 1, 2, 3])
        #expect(try client.receive() == nil)
        try silent.send(.random, id: 1, count: 2)
        #expect(try silent.receive()?.data.count == 2)
    }

    @Test(
        "a client that misbehaves and fills many connections with unfinished frames is cut off at a bound of its user's"
    )
    func unfinishedFrames() throws {
        var limits = ServerLimits()
        limits.heldBytesPerUser = 1 << 20
        let test = try TestServer(limits: limits)
        let half = [0, 8, 0, 0] + [UInt8](repeating: 0, count: 300 << 10)
        let clients = try (0..<6).map { _ in try test.connect() }
        for client in clients { try? client.send(half) }
        // Three times 300 KiB fit; whoever goes beyond is closed, and the others stay.
        try eventually("the connections beyond the bound are closed") { test.registry.count == 3 }
        #expect(try others(test))
    }

    @Test("a client that misbehaves and never reads its answers is cut off, and holds no worker meanwhile")
    func neverReads() throws {
        var limits = ServerLimits()
        limits.stallNanoseconds = 300_000_000
        let test = try TestServer(limits: limits)
        let client = try test.connect()
        for id in 1...8 { try client.send(.status, id: UInt64(id), count: 1_000_000) }
        #expect(try others(test))
        try eventually("it is gone") { test.registry.count == 0 }
        #expect(try others(test))
    }

    @Test("a client that misbehaves and wants more connections than a user may have is told so, until it closes one")
    func connectionLimit() throws {
        var limits = ServerLimits()
        limits.connectionsPerUser = 3
        let test = try TestServer(limits: limits)
        var held = [try test.connect(), try test.connect(), try test.connect()]
        for client in held {
            try client.send(.status, id: 1)
            #expect(try client.receive()?.id == 1)
        }
        let refused = try test.connect()
        let notice = try refused.receive()
        #expect(notice?.id == 0)
        #expect(notice?.code == .resourceExhausted)
        #expect(try refused.receive() == nil)
        held.removeLast()
        try eventually("a place is free") {
            let client = try test.connect()
            // Who is turned away may be so before he has said anything.
            guard (try? client.send(.status, id: 2)) != nil else { return false }
            return try client.receive()?.id == 2
        }
    }

    @Test(
        "a client that misbehaves and has more in flight on a connection than allowed is not read from until answers leave"
    )
    func inFlightLimit() throws {
        var limits = ServerLimits()
        limits.requestsPerConnection = 4
        let test = try TestServer(limits: limits, processes: 1)
        let client = try test.connect()
        test.script.hang()
        for id in 1...10 { try client.send(.random, id: UInt64(id)) }
        // The fifth is not even looked at, so a status behind it waits too.
        try client.send(.status, id: 11)
        try eventually("it is busy with four") { test.custody.health.parked == 3 }
        test.script.release()
        var ids: [UInt64] = []
        for _ in 1...11 { ids.append(try #require(try client.receive()).id) }
        #expect(Set(ids) == Set(1...11))
        #expect(ids.firstIndex(of: 11)! >= 4)
    }

    @Test(
        "a client that misbehaves and has too many in flight over all its connections is refused, with the connection left open"
    )
    func userLimit() throws {
        var limits = ServerLimits()
        limits.requestsPerUser = 3
        let test = try TestServer(limits: limits, processes: 1)
        let client = try test.connect()
        test.script.hang()
        for id in 1...5 { try client.send(.random, id: UInt64(id)) }
        for _ in 4...5 { #expect(try client.receive()?.code == .resourceExhausted) }
        test.script.release()
        for _ in 1...3 { #expect(try client.receive()?.code == .ok) }
        try client.send(.random, id: 6)
        #expect(try client.receive()?.id == 6)
    }

    @Test("a client that misbehaves and has too many bytes in flight is refused, with the connection left open")
    func userBytes() throws {
        var limits = ServerLimits()
        limits.requestBytesPerUser = 1000
        let test = try TestServer(limits: limits, processes: 1)
        let client = try test.connect()
        test.script.hang()
        var request = AgentRequest(.random, data: [UInt8](repeating: 1, count: 400))
        for id in 1...4 {
            request.id = UInt64(id)
            try client.send(try AgentFrame.encode(request))
        }
        for _ in 3...4 { #expect(try client.receive()?.code == .resourceExhausted) }
        test.script.release()
        for _ in 1...2 { #expect(try client.receive()?.code == .ok) }
    }

    @Test("a client that misbehaves and closes its sending side still gets its answers")
    func halfClose() throws {
        let test = try TestServer()
        let client = try test.connect()
        for id in 1...20 { try client.send(.random, id: UInt64(id)) }
        shutdown(client.socket.number, Int32(SHUT_WR))
        for _ in 1...20 { #expect(try client.receive()?.code == .ok) }
        #expect(try client.receive() == nil)
    }

    @Test("a client that misbehaves and goes away in the middle leaves nothing behind")
    func vanishing() throws {
        let test = try TestServer()
        for _ in 0..<50 {
            let client = try test.connect()
            for id in 1...20 { try client.send(.random, id: UInt64(id), count: 10_000) }
        }
        try eventually("all are gone") { test.registry.count == 0 }
        #expect(try others(test))
    }
}
