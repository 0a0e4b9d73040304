import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Callers", .ownThread, .enabled(if: OtherUser.arePossible, "several users need root"))
struct CallerTests {
    private let alice = OtherUser.wwwData
    private let bob = OtherUser.backup

    @Test("callers own what they make: another user is told whose it is, and root gets no use for free")
    func ownership() throws {
        let agent = try TestAgent()
        #expect(try alice.run("print(agent.create_key('release', 'p256')['owner_uid'])", on: agent) == "33")
        #expect(try alice.run("print(len(agent.sign('release', b'x')))", on: agent) == "64")
        let refused = try bob.run("agent.sign('release', b'x')", on: agent)
        #expect(refused.hasPrefix("PERMISSION_DENIED: user backup (34)"))
        #expect(refused.contains("may not") && refused.contains("release") && refused.contains("grants:"))
        #expect(try bob.run("agent.call('key_delete', subject='release')", on: agent).hasPrefix("PERMISSION_DENIED"))
        #expect(try bob.run("agent.create_key('release', 'p256')", on: agent).hasPrefix("FAILED_PRECONDITION"))

        let root = agent.client()
        #expect(try root.refusal(.sign(key: "release", message: [1])).code == .permissionDenied)
        #expect(try root.call(.showKey("release")).keys.first?.ownerUid == 33)
        _ = try root.call(.deleteKey("release"))
        #expect(try alice.run("agent.sign('release', b'x')", on: agent).hasPrefix("NOT_FOUND"))
    }

    @Test("callers see the keys that are theirs, and only their own audit records")
    func privacy() throws {
        let agent = try TestAgent()
        _ = try alice.run("agent.create_key('hers', 'ed25519')", on: agent)
        _ = try bob.run("agent.create_key('his', 'ed25519')", on: agent)
        let names = "print([key['name'] for key in agent.call('key_list')['keys']])"
        #expect(try alice.run(names, on: agent) == "['hers']")
        #expect(try bob.run(names, on: agent) == "['his']")
        #expect(try agent.client().call(.list(.keyList)).keys.map(\.name) == ["hers", "his"])
        let records = try alice.run("print('\\n'.join(agent.call('audit_list')['lines']))", on: agent)
        #expect(records.contains("\"hers\"") && !records.contains("\"his\""))
        #expect(try alice.run("agent.call('audit_verify')", on: agent).hasPrefix("PERMISSION_DENIED"))
    }

    @Test("callers get what a grant gives, by user and by supplementary group, and no more")
    func grants() throws {
        let agent = try TestAgent(
            more: """
                grants:
                  - to: ["unix:user:backup"]
                    keys: ["release-*"]
                    operations: [sign, public]
                  - to: ["unix:gid:54777"]
                    keys: ["release-1"]
                    operations: [sign]
                """)
        _ = try alice.run("agent.create_key('release-1', 'p256'); agent.create_key('private', 'p256')", on: agent)
        #expect(try bob.run("print(len(agent.sign('release-1', b'x')))", on: agent) == "64")
        #expect(try bob.run("agent.sign('private', b'x')", on: agent).hasPrefix("PERMISSION_DENIED"))
        #expect(try bob.run("agent.call('key_delete', subject='release-1')", on: agent).hasPrefix("PERMISSION_DENIED"))
        let member = OtherUser(uid: 38, groups: [54_777])
        #expect(try member.run("print(len(agent.sign('release-1', b'x')))", on: agent) == "64")
        let stranger = OtherUser.list
        #expect(try stranger.run("agent.sign('release-1', b'x')", on: agent).hasPrefix("PERMISSION_DENIED"))
    }

    @Test("callers under dynamic, overflow and nameless uids own nothing", arguments: [65_534, 61_200, 54_321])
    func uncertainUsers(uid: UInt32) throws {
        let agent = try TestAgent()
        let user = OtherUser(uid: uid)
        #expect(try user.run("agent.create_key('k', 'p256')", on: agent).contains("cannot own anything"))
        #expect(try user.run("agent.call('ledger_put', data=b'x')", on: agent).contains("cannot own anything"))
        #expect(try user.run("print(agent.status()['state'])", on: agent) == "ready")
    }

    @Test("callers who ask for more than they may at a time are refused, and that is recorded too")
    func limits() throws {
        let agent = try TestAgent(more: "limits:\n  requests_per_user: 1")
        _ = try alice.run("agent.create_key('k', 'ed25519')", on: agent)
        let said = try alice.run(
            """
            ids = [agent.send('key_create', subject='k%d' % n, key_type=1) for n in range(6)]
            refused = 0
            for number in ids:
                try:
                    agent.receive(number)
                except AgentError as error:
                    refused += error.code == 'RESOURCE_EXHAUSTED'
            print(refused > 0)
            """, on: agent)
        #expect(said == "True")
        let lines = try agent.client().call(.list(.auditList, count: 1000)).lines
        #expect(lines.filter { $0.contains("\"key.create\"") }.count == 7)
        #expect(lines.contains { $0.contains("RESOURCE_EXHAUSTED") })
    }

    @Test("callers have new grants after SIGHUP, and the old ones where the new are wrong")
    func reload() throws {
        let agent = try TestAgent()
        _ = try alice.run("agent.create_key('release', 'p256')", on: agent)
        #expect(try bob.run("agent.sign('release', b'x')", on: agent).hasPrefix("PERMISSION_DENIED"))
        let good = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        let grant = "grants: [{to: [\"unix:user:backup\"], keys: [release], operations: [sign]}]\n"
        try (good + grant).write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        agent.signal(SIGHUP)
        try agent.wait("the grant") { try bob.run("print(len(agent.sign('release', b'x')))", on: agent) == "64" }
        try (good + "grants: [{to: [\"unix:nonsense\"], keys: [x], operations: [sign]}]\n")
            .write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        agent.signal(SIGHUP)
        try agent.wait("the complaint") { agent.log.contains("the grants stay as they were") }
        #expect(try bob.run("print(len(agent.sign('release', b'x')))", on: agent) == "64")
        try good.write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        agent.signal(SIGHUP)
        try agent.wait("the end of the grant") {
            try bob.run("agent.sign('release', b'x')", on: agent).hasPrefix("PERMISSION_DENIED")
        }
    }

    @Test(
        "callers who flood the agent from many connections starve nobody else, and not the watchdog",
        arguments: [
            "a.send('verify', subject='hers', data=b'x', signature=bytes(64))",
            "a.send('status')", "a.send('encrypt', subject='sealing', data=bytes(8000))",
            "a.send('envelope_seal', subject='alice', identities=['alice'], data=bytes(100000))",
        ])
    func flood(request: String) throws {
        let agent = try TestAgent()
        _ = try alice.run(
            "agent.create_key('hers', 'p256'); agent.create_key('sealing', 'aes256'); agent.create_identity('alice')",
            on: agent)
        _ = try agent.client().call(.createKey("mine", type: .p256))
        let marks = try TemporaryDirectory()
        chmod(marks.path, 0o777)
        let script = """
            import time
            path, end = '\(marks.path)', time.time() + 60
            agents = [Agent(agent.socket.getpeername()) for _ in range(8)]
            ids = {a: [] for a in agents}
            [ids[a].append(\(request)) for a in agents for _ in range(20)]
            open(path + '/begun', 'w').close()
            while time.time() < end and not os.path.exists(path + '/stop'):
                for a in agents:
                    try:
                        a.receive(ids[a].pop(0))
                    except AgentError:
                        pass
                    ids[a].append(\(request))
            print('stopped' if os.path.exists(path + '/stop') else 'gave up')
            """
        let ended = Locked<String?>(nil)
        Thread.detachNewThread { [alice] in
            var result: String
            do { result = try alice.run(script, on: agent) } catch { result = "\(error)" }
            ended.withLock { [result] in $0 = result }
        }
        try agent.wait("the flood") {
            if let early = ended.withLock({ $0 }) { throw TestFailure("the flood: \(early)") }
            return FileManager.default.fileExists(atPath: marks.file("begun"))
        }
        let client = agent.client()
        for _ in 0..<20 {
            #expect(try client.call(.sign(key: "mine", message: [1]), timeout: .seconds(20)).data.count == 64)
        }
        #expect(ended.withLock { $0 } == nil, "the flood ended too early to prove anything")
        try marks.write("stop", "")
        try agent.wait("the end of the flood") { ended.withLock { $0 } != nil }
        #expect(ended.withLock { $0 } == "stopped")
    }
}
