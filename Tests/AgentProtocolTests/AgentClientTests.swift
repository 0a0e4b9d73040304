import AgentProtocol
import DTASystem
import Glibc
import Testing

@Suite("AgentClient")
struct AgentClientTests {
    @Test("a request carries version 1 and an id of its own, and gets the answer with that id")
    func simple() async throws {
        let seen = Locked<[AgentRequest]>([])
        let server = try ScriptedServer { peer in
            while true {
                let request = try peer.request()
                seen.withLock { $0.append(request) }
                try peer.answer(request.id, "ok")
            }
        }
        let client = AgentClient(socketPath: server.path)
        #expect(try await client.call(.status()).text == "ok")
        #expect(try await client.sign(key: "release", message: [1, 2], format: .der) == Array("ok".utf8))
        let requests = seen.withLock { $0 }
        #expect(requests.map(\.version) == [1, 1])
        #expect(requests.map(\.operation) == [.status, .sign])
        #expect(Set(requests.map(\.id)).count == 2 && !requests.map(\.id).contains(0))
        #expect(requests[1].format == .der && [UInt8](requests[1].data) == [1, 2])
        #expect(server.connections == 1)
    }

    @Test("many tasks share one connection, and answers in reverse order reach the right ones")
    func outOfOrder() async throws {
        let count = 200
        let server = try ScriptedServer { peer in
            // Nothing is answered before all have come: only a pipelined client gets here.
            let requests = try (0..<count).map { _ in try peer.request() }
            for request in requests.reversed() { try peer.answer(request.id, request.subject) }
            _ = try peer.request()
        }
        let client = AgentClient(socketPath: server.path)
        try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for index in 0..<count {
                group.addTask { (index, try await client.call(.showKey("key-\(index)")).text) }
            }
            for try await (index, text) in group { #expect(text == "key-\(index)") }
        }
        #expect(server.connections == 1)
    }

    @Test("more bytes than a socket's buffer can be in flight without blocking a task")
    func largeFrames() async throws {
        let block = [UInt8](repeating: 0x5a, count: 1 << 20)
        let begin = Monitor(false)
        let server = try ScriptedServer { peer in
            _ = begin.wait { $0 ? true : nil }
            while true {
                let request = try peer.request()
                try peer.answer(request.id, "\(request.data.count)")
            }
        }
        let client = AgentClient(socketPath: server.path)
        try await withThrowingTaskGroup(of: String.self) { group in
            // More tasks than Swift has threads: were one blocked in a write, the others could not even start.
            for _ in 0..<24 { group.addTask { try await client.call(.putBlock(block)).text } }
            group.addTask {
                // No task's thread is taken: this one runs while 24 MiB wait for a server that reads nothing.
                begin.withLockSignalling { $0 = true }
                return "1048576"
            }
            for try await text in group { #expect(text == "1048576") }
        }
    }

    @Test("a request past the frame's limit is refused here, and the connection goes on")
    func tooLarge() async throws {
        let server = try ScriptedServer { try $0.echo() }
        let client = AgentClient(socketPath: server.path)
        let error = await #expect(throws: DTAError.self) {
            try await client.call(.putBlock([UInt8](repeating: 0, count: AgentFrame.limit)))
        }
        #expect(error?.code == .invalidArgument)
        #expect(try await client.call(.showKey("a")).text == "a")
    }

    @Test("an error of the agent arrives with code, sentence and hint")
    func agentError() async throws {
        let refusal = DTAError(
            .permissionDenied, "user bob (1001) may not use key \"k\"", helps: .listKeys, .giveField, about: "k")
        let server = try ScriptedServer { peer in
            try peer.refuse(try peer.request().id, refusal)
            try peer.echo()
        }
        let client = AgentClient(socketPath: server.path)
        await #expect(throws: refusal) { try await client.call(.showKey("k")) }
        #expect(try await client.call(.showKey("next")).text == "next")
        #expect(server.connections == 1)
    }

    @Test("a cancelled call resumes though the agent is silent; its late answer is dropped; the connection lives")
    func cancellation() async throws {
        let received = Monitor(false)
        let server = try ScriptedServer { peer in
            let forgotten = try peer.request()
            received.withLockSignalling { $0 = true }
            let next = try peer.request()
            try peer.answer(forgotten.id, "late")
            try peer.answer(next.id, "next")
        }
        let client = AgentClient(socketPath: server.path)
        let task = Task { try await client.call(.status(), timeout: .seconds(600)) }
        await blocking { _ = received.wait { $0 ? true : nil } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await client.call(.status()).text == "next")
        #expect(server.connections == 1)
    }

    @Test("a call of a task that was cancelled already sends nothing")
    func cancelledBefore() async throws {
        let server = try ScriptedServer { try $0.echo() }
        let client = AgentClient(socketPath: server.path)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await client.call(.showKey("never"))
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(server.connections == 0)
    }

    @Test("a call past its time limit is UNAVAILABLE; other calls on the connection are not touched")
    func timeout() async throws {
        let server = try ScriptedServer { peer in
            let silent = try peer.request()
            let next = try peer.request()
            try peer.answer(silent.id, "late")
            try peer.answer(next.id, "next")
        }
        let client = AgentClient(socketPath: server.path)
        let error = await #expect(throws: DTAError.self) {
            try await client.call(.status(), timeout: .milliseconds(30))
        }
        #expect(error?.code == .unavailable)
        #expect(try await client.call(.status()).text == "next")
        #expect(server.connections == 1)
    }

    @Test("a time limit of a call that is shorter than that of an earlier call is kept too")
    func shorterTimeout() async throws {
        let server = try ScriptedServer { peer in while true { _ = try peer.request() } }
        let client = AgentClient(socketPath: server.path)
        let long = Task { try await client.call(.status(), timeout: .seconds(600)) }
        let error = await #expect(throws: DTAError.self) {
            try await client.call(.status(), timeout: .milliseconds(30))
        }
        #expect(error?.code == .unavailable)
        long.cancel()
        await #expect(throws: CancellationError.self) { try await long.value }
    }

    @Test("when the agent goes away, calls in flight are UNAVAILABLE and the next call connects again")
    func reconnects() async throws {
        let server = try ScriptedServer { peer in
            let request = try peer.request()
            if request.subject == "last" {
                _ = try peer.request()
                return
            }
            try peer.answer(request.id, request.subject)
            try peer.echo()
        }
        let client = AgentClient(socketPath: server.path)
        let first = Task { try await client.call(.showKey("last")) }
        let second = Task { try await client.call(.showKey("last")) }
        for task in [first, second] {
            let error = await #expect(throws: DTAError.self) { try await task.value }
            #expect(error?.code == .unavailable)
        }
        #expect(try await client.call(.showKey("again")).text == "again")
        #expect(server.connections == 2)
    }

    @Test("an idle connection that the agent closed is noticed before the next request is sent on it")
    func idleClose() async throws {
        let closed = Monitor(0)
        let server = try ScriptedServer { peer in
            let request = try peer.request()
            try peer.answer(request.id, request.subject)
            peer.close()
            closed.withLockSignalling { $0 += 1 }
        }
        let client = AgentClient(socketPath: server.path)
        for index in 0..<5 {
            #expect(try await client.call(.showKey("\(index)")).text == "\(index)")
            await blocking { _ = closed.wait { $0 == index + 1 ? true : nil } }
        }
    }

    @Test("answers with unknown ids are ignored")
    func unknownID() async throws {
        let server = try ScriptedServer { peer in
            let request = try peer.request()
            try peer.answer(request.id + 1000, "nobody's")
            try peer.answer(UInt64.max, "nobody's")
            try peer.answer(request.id, "mine")
            try peer.answer(request.id, "twice")
            try peer.echo()
        }
        let client = AgentClient(socketPath: server.path)
        #expect(try await client.call(.status()).text == "mine")
        #expect(try await client.call(.showKey("after")).text == "after")
    }

    @Test("answers that come byte by byte, and many answers in one piece, are read the same")
    func pieces() async throws {
        let server = try ScriptedServer { peer in
            var response = AgentResponse()
            response.id = try peer.request().id
            response.data = .init(Array("slow".utf8))
            for byte in try AgentFrame.encode(response) { try peer.send([byte]) }
            var together: [UInt8] = []
            for _ in 0..<3 {
                response.id = try peer.request().id
                together += try AgentFrame.encode(response)
            }
            try peer.send(together)
            _ = try peer.request()
        }
        let client = AgentClient(socketPath: server.path)
        #expect(try await client.call(.status()).text == "slow")
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<3 { group.addTask { try await client.call(.status()).text } }
            for try await text in group { #expect(text == "slow") }
        }
    }

    @Test(
        "lengths and bytes that are not the protocol end the connection with a clear error",
        arguments: [
            ([0xff, 0xff, 0xff, 0xff], "4294967295 bytes"), ([0, 0, 0, 0], "0 bytes"),
            ([0x00, 0x11, 0x00, 0x01], "1114113 bytes"), (Array("HTTP/1.1 400".utf8), "bytes"),
            ([0, 0, 0, 3, 0x08, 0xff, 0xff], "no answer"), ([0, 0, 0, 2, 0x2a, 0x7f], "no answer"),
        ] as [([UInt8], String)])
    func hostile(bytes: [UInt8], said: String) async throws {
        let server = try ScriptedServer { peer in
            let request = try peer.request()
            if request.subject == "good" {
                try peer.answer(request.id, "good")
                try peer.echo()
            }
            try peer.send(bytes)
            // The client closes; nothing more is waited for.
            _ = try peer.request()
        }
        let client = AgentClient(socketPath: server.path)
        let error = await #expect(throws: DTAError.self) { try await client.call(.showKey("bad")) }
        #expect(error?.code == .dataLoss)
        #expect(error?.message.contains(said) == true, "\(error?.message ?? "")")
        #expect(try await client.call(.showKey("good")).text == "good")
    }

    @Test("an answer that ends in the middle is UNAVAILABLE")
    func halfFrame() async throws {
        let server = try ScriptedServer { peer in
            _ = try peer.request()
            try peer.send([0, 0, 1, 0, 8, 1])
        }
        let client = AgentClient(socketPath: server.path)
        let error = await #expect(throws: DTAError.self) { try await client.call(.status()) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("middle of an answer") == true)
    }

    @Test("the agent's last word (id 0) reaches every call in flight")
    func lastWord() async throws {
        let refusal = DTAError(.resourceExhausted, "user bob (1001) has 256 connections", hint: "close some")
        let server = try ScriptedServer { peer in
            _ = try peer.request()
            _ = try peer.request()
            try peer.refuse(0, refusal)
        }
        let client = AgentClient(socketPath: server.path)
        let one = Task { try await client.call(.status()) }
        let other = Task { try await client.call(.status()) }
        await #expect(throws: refusal) { try await one.value }
        await #expect(throws: refusal) { try await other.value }
    }

    @Test("a refusal that is sent before anything was asked is what the call gets, not a broken pipe")
    func refusedAtOnce() async throws {
        let refusal = DTAError(.resourceExhausted, "user bob (1001) has 256 connections", hint: "close some")
        let server = try ScriptedServer { try $0.refuse(0, refusal) }
        let client = AgentClient(socketPath: server.path)
        for _ in 0..<200 {
            await #expect(throws: refusal) { try await client.call(.status()) }
        }
    }

    @Test("if there is no agent, the error names the socket, says why and what helps")
    func unreachable() async throws {
        let client = AgentClient(socketPath: "/tmp/no-such-directory/agent.sock")
        let error = await #expect(throws: AgentUnreachable.self) { try await client.call(.status()) }
        #expect(error?.errno == ENOENT)
        #expect(error?.error.message.contains("/tmp/no-such-directory/agent.sock") == true)
        #expect(error?.error.hint.contains("dtad running") == true)

        let dead = try ScriptedServer { _ in }
        let path = dead.path + "2"
        do { _ = try UnixSocket.listen(at: path, mode: 0o600) }
        defer { unlink(path) }
        let refused = AgentClient(socketPath: path)
        let refusal = await #expect(throws: AgentUnreachable.self) { try await refused.call(.status()) }
        #expect(refusal?.errno == ECONNREFUSED)
    }

    @Test("a listener that takes no connection in time is unreachable, not a hang")
    func fullBacklog() async throws {
        let server = try ScriptedServer { _ in }
        let path = server.path + "2"
        let listener = try UnixSocket.listen(at: path, mode: 0o600, backlog: 0)
        defer { unlink(path) }
        var fill: [Descriptor] = []
        while fill.count < 100, let next = try? UnixSocket.connect(to: path, nonBlocking: true) { fill.append(next) }
        try #require(fill.count < 100)
        let client = AgentClient(socketPath: path)
        let error = await #expect(throws: AgentUnreachable.self) {
            try await client.call(.status(), timeout: .milliseconds(60))
        }
        #expect(error?.errno == ETIMEDOUT)
        withExtendedLifetime(listener) {}
    }

    @Test("closing a client ends its calls in flight, and later calls are told")
    func closes() async throws {
        let received = Monitor(false)
        let server = try ScriptedServer { peer in
            _ = try peer.request()
            received.withLockSignalling { $0 = true }
            _ = try peer.request()
        }
        let client = AgentClient(socketPath: server.path)
        let task = Task { try await client.call(.status(), timeout: .seconds(600)) }
        await blocking { _ = received.wait { $0 ? true : nil } }
        client.close()
        let error = await #expect(throws: DTAError.self) { try await task.value }
        #expect(error?.code == .unavailable)
        await #expect(throws: DTAError.self) { try await client.call(.status()) }
    }

    @Test("a client that is let go closes its connection")
    func letGo() async throws {
        let ended = Monitor(false)
        let server = try ScriptedServer { peer in
            defer { ended.withLockSignalling { $0 = true } }
            try peer.echo()
        }
        do {
            let client = AgentClient(socketPath: server.path)
            #expect(try await client.call(.showKey("x")).text == "x")
        }
        await blocking { _ = ended.wait { $0 ? true : nil } }
    }

    @Test("lists are read to their end")
    func pages() async throws {
        let server = try ScriptedServer { peer in
            while true {
                let request = try peer.request()
                var response = AgentResponse()
                response.id = request.id
                let page = Int(request.cursor) ?? 0
                response.keys = [.with { $0.name = "key-\(page)" }]
                response.cursor = page < 3 ? "\(page + 1)" : ""
                try peer.send(AgentFrame.encode(response))
            }
        }
        let client = AgentClient(socketPath: server.path)
        #expect(try await client.keys().map(\.name) == ["key-0", "key-1", "key-2", "key-3"])
    }
}

/// Waits on a thread of its own, so that no task's thread is held.
func blocking(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
        detached {
            body()
            continuation.resume()
        }
    }
}
