import AgentProtocol
import DTASystem
import Glibc
import Testing

@Suite("BlockingAgentClient")
struct BlockingAgentClientTests {
    @Test("calls follow one another on one connection, large calls too")
    func calls() throws {
        let server = try ScriptedServer { peer in
            while true {
                let request = try peer.request()
                var response = AgentResponse()
                response.id = request.id
                response.data = request.data
                try peer.send(AgentFrame.encode(response))
            }
        }
        let client = BlockingAgentClient(socketPath: server.path)
        for size in [0, 1, 100_000, 1 << 20] {
            #expect(try client.call(.putBlock([UInt8](repeating: 7, count: size))).data.count == size)
        }
        #expect(server.connections == 1)
    }

    @Test("a silent agent is UNAVAILABLE after the time limit, and the next call has a fresh connection")
    func timeout() throws {
        let server = try ScriptedServer { peer in
            if try peer.request().subject == "silent" {
                _ = try peer.request()
            } else {
                try peer.answer(2, "second")
            }
        }
        let client = BlockingAgentClient(socketPath: server.path)
        let error = #expect(throws: DTAError.self) {
            try client.call(.showKey("silent"), timeout: .milliseconds(30))
        }
        #expect(error?.code == .unavailable)
        #expect(try client.call(.showKey("loud")).text == "second")
        #expect(server.connections == 2)
    }

    @Test("an agent that reads nothing cannot hold a writer past the time limit")
    func writeTimeout() throws {
        let over = Monitor(false)
        let server = try ScriptedServer { _ in _ = over.wait { $0 ? true : nil } }
        defer { over.withLockSignalling { $0 = true } }
        let client = BlockingAgentClient(socketPath: server.path)
        let error = #expect(throws: DTAError.self) {
            try client.call(.putBlock([UInt8](repeating: 7, count: 1 << 20)), timeout: .milliseconds(50))
        }
        #expect(error?.code == .unavailable)
    }

    @Test("an error of the agent leaves the connection as it was")
    func agentError() throws {
        let refusal = DTAError(.notFound, "no key \"k\"", hint: "dtactl key list")
        let server = try ScriptedServer { peer in
            try peer.refuse(try peer.request().id, refusal)
            try peer.echo()
        }
        let client = BlockingAgentClient(socketPath: server.path)
        #expect(throws: refusal) { try client.call(.showKey("k")) }
        #expect(try client.call(.showKey("a")).text == "a")
        #expect(server.connections == 1)
    }

    @Test("a large request that is refused half-way gets the refusal, not a broken pipe")
    func refusedHalfway() throws {
        let refusal = DTAError(.resourceExhausted, "user bob (1001) has 256 connections", hint: "close some")
        let server = try ScriptedServer { try $0.refuse(0, refusal) }
        let client = BlockingAgentClient(socketPath: server.path)
        for _ in 0..<20 {
            #expect(throws: refusal) { try client.call(.putBlock([UInt8](repeating: 7, count: 1 << 20))) }
        }
    }

    @Test(
        "lengths and bytes that are not the protocol are a clear error",
        arguments: [[0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0], Array("SSH-2.0-x".utf8), [0, 0, 0, 1, 0x08]] as [[UInt8]])
    func hostile(bytes: [UInt8]) throws {
        let server = try ScriptedServer { peer in
            _ = try peer.request()
            try peer.send(bytes)
            _ = try peer.request()
        }
        let client = BlockingAgentClient(socketPath: server.path)
        let error = #expect(throws: DTAError.self) { try client.call(.status()) }
        #expect(error?.code == .dataLoss)
    }

    @Test("an agent that was restarted meanwhile is found again")
    func restarted() throws {
        let closed = Monitor(0)
        let server = try ScriptedServer { peer in
            let request = try peer.request()
            try peer.answer(request.id, request.subject)
            peer.close()
            closed.withLockSignalling { $0 += 1 }
        }
        let client = BlockingAgentClient(socketPath: server.path)
        for index in 0..<3 {
            #expect(try client.call(.showKey("\(index)")).text == "\(index)")
            _ = closed.wait { $0 == index + 1 ? true : nil }
        }
    }

    @Test("if there is no agent, the error says that it is unreachable, with the path")
    func unreachable() throws {
        for (path, code) in [
            ("/tmp/no-such-directory/a.sock", ENOENT), ("/etc/hostname", ECONNREFUSED), ("", ENAMETOOLONG),
            ("/tmp/" + String(repeating: "x", count: 200), ENAMETOOLONG),
        ] {
            let client = BlockingAgentClient(socketPath: path)
            let error = #expect(throws: AgentUnreachable.self) { try client.call(.status()) }
            #expect(error?.errno == code)
            #expect(error?.error.message.hasPrefix("the agent cannot be reached at \(path): ") == true)
        }
    }
}
