import AgentProtocol
import Crypto
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("A flood", .ownThread, .enabled(if: Crowd.isPossible, "several users need root"))
struct FloodTests {
    private func audit(_ agent: TestAgent) throws -> [Data] {
        let folder = "\(agent.state)/audit"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map {
            try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))
        }
    }

    @Test(
        "a flood of refusals from 64 users grows the audit log by less than a MiB a second, and not one of them is lost"
    )
    func refusals() throws {
        let agent = try TestAgent()
        _ = try agent.client().call(.createKey("mine", type: .p256))
        let before = try audit(agent).reduce(0) { $0 + $1.count }
        let begin = Date()
        let sent = 64 * 30
        let crowd = try Crowd.start(
            """
            held = [agent(70000 + n) for n in range(64)]
            ids = [[one.send("key_show", subject="\\x01" * 250 + str(n)) for n in range(30)] for one in held]
            print(sum(code(lambda: one.receive(n)) in ("INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED")
                      for one, numbers in zip(held, ids) for n in numbers))
            """, on: agent.socketPath)
        // Another user's key goes on meanwhile.
        let client = agent.client()
        for _ in 0..<20 { #expect(try client.call(.sign(key: "mine", message: [1])).data.count == 64) }
        #expect(try crowd.output() == "\(sent)")
        let findings = try client.call(.verifyAudit())
        #expect(findings.valid)
        #expect(agent.stop() == 0)
        let seconds = Int(Date().timeIntervalSince(begin)) + 2
        let files = try audit(agent)
        #expect(files.reduce(0) { $0 + $1.count } - before <= seconds << 20)
        var refused = 0
        for line in files.flatMap({ $0.split(separator: 10) }) {
            let record = try #require(JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
            if let uid = record["uid"] as? Int, uid >= 70_000 { refused += record["count"] as? Int ?? 1 }
        }
        #expect(refused == sent)
    }

    @Test("a flood of requests that are done, each with a long record, is slowed down to what the disk's share allows")
    func longRecords() throws {
        let folder = try TemporaryDirectory()
        chmod(folder.path, 0o711)
        let deep = [String](repeating: String(repeating: "d", count: 200), count: 5).joined(separator: "/")
        try FileManager.default.createDirectory(atPath: folder.file(deep), withIntermediateDirectories: true)
        let python = try Data(contentsOf: URL(fileURLWithPath: "/usr/bin/python3").resolvingSymlinksInPath())
        let program = try folder.write("\(deep)/python3", [UInt8](python), mode: 0o755)
        let agent = try TestAgent(more: "limits: {requests_per_second: 100}")
        _ = try agent.client().call(.createKey("mine", type: .p256))
        let before = try audit(agent).reduce(0) { $0 + $1.count }
        let begin = Date()
        let count = 150
        let script = "for _ in range(\(count)): agent.call('random', count=1, subject='s' * 250)"
        #expect(try OtherUser.wwwData.run(script, on: agent, interpreter: program) == "")
        #expect(agent.stop() == 0)
        let seconds = Int(Date().timeIntervalSince(begin)) + 2
        let grown = try audit(agent).reduce(0) { $0 + $1.count } - before
        // What the requests may have for nothing, and what the limit allows beside.
        #expect(grown > count * 1200 && grown <= (count + seconds * 100) * 512, "\(grown)")
    }

    @Test("a flood of connections with few descriptors leaves places for other users, and is answered with the reason")
    func fewDescriptors() throws {
        let agent = try TestAgent(starting: false)
        try agent.start(prefix: ["/usr/bin/prlimit", "--nofile=400:400"])
        let said = try Crowd.run(
            """
            held = [agent(70000 + n % 3) for n in range(600)]
            said = [asked(one) for one in held]
            print(said.count("OK") > 150, set(said) - {"OK", "RESOURCE_EXHAUSTED"})
            for uid in (70009, 33, 0):
                print(asked(agent(uid)))
            """, on: agent.socketPath)
        #expect(said.split(separator: "\n") == ["True set()", "OK", "OK", "OK"], "\(said)")
        let fields = try agent.client().call(.status()).fields
        #expect(fields.first { $0.name == "limits.connections" }?.value == "200")
        #expect(agent.log.contains("there are descriptors for fewer connections than limits.connections"))
        try agent.wait("the journal to say so, once") {
            agent.log.components(separatedBy: "connections were refused, because all are taken").count == 2
        }
    }

    @Test("a flood that takes the last descriptor there is is answered too, and open connections go on")
    func noDescriptors() throws {
        let agent = try TestAgent()
        let client = agent.client()
        _ = try client.call(.createKey("mine", type: .p256))
        let limit = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(agent.pid)/fd").count + 8
        #expect(try run("/usr/bin/prlimit", ["--pid", "\(agent.pid)", "--nofile=\(limit):20000"]).status == 0)
        var held: [BlockingAgentClient] = []
        var refusal: DTAError?
        while refusal == nil, held.count < 100 {
            let next = agent.client()
            do { _ = try next.call(.status()) } catch { refusal = DTAError(error) }
            held.append(next)
        }
        #expect(refusal?.code == .resourceExhausted)
        #expect(refusal?.message.contains("as many connections") == true)
        #expect(try client.call(.sign(key: "mine", message: [1])).data.count == 64)
        #expect(try run("/usr/bin/prlimit", ["--pid", "\(agent.pid)", "--nofile=20000:20000"]).status == 0)
        try agent.wait("a place") { (try? agent.client().call(.status())) != nil }
    }

    @Test(
        "a flood of hashing cannot be made with a sparse program of a terabyte, and the right program gets what it is granted"
    )
    func sparseProgram() throws {
        let folder = try TemporaryDirectory()
        chmod(folder.path, 0o711)
        let python = try Data(contentsOf: URL(fileURLWithPath: "/usr/bin/python3").resolvingSymlinksInPath())
        let right = try folder.write("right", [UInt8](python), mode: 0o755)
        let sparse = try folder.write("sparse", [UInt8](python), mode: 0o755)
        #expect(truncate(sparse, 1 << 40) == 0)
        let digest = hex(SHA256.hash(data: python))
        let agent = try TestAgent(
            more: """
                grants:
                  - to: ["unix:uid:33", "unix:sha256:\(digest)"]
                    keys: [release]
                    operations: [sign]
                """)
        _ = try agent.client().call(.createKey("release", type: .p256))
        let sign = "print(len(agent.sign('release', b'x')))"
        #expect(try OtherUser.wwwData.run(sign, on: agent, interpreter: right) == "64")
        #expect(try OtherUser.wwwData.run(sign, on: agent, interpreter: sparse).hasPrefix("PERMISSION_DENIED"))
        #expect(try OtherUser.backup.run(sign, on: agent, interpreter: right).hasPrefix("PERMISSION_DENIED"))
    }
}
