import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Callers", .enabled(if: OtherUser.arePossible, "several users need root"))
struct CallerTests {
    private let alice = OtherUser(uid: 54_001)
    private let bob = OtherUser(uid: 54_002)

    @Test("own what they make: another user is told whose it is, and root gets no use for free")
    func ownership() throws {
        let agent = try TestAgent()
        #expect(try alice.run("print(agent.create_key('release', 'p256')['owner_uid'])", on: agent) == "54001")
        #expect(try alice.run("print(len(agent.sign('release', b'x')))", on: agent) == "64")
        let refused = try bob.run("agent.sign('release', b'x')", on: agent)
        #expect(refused.hasPrefix("PERMISSION_DENIED: user uid 54002"))
        #expect(refused.contains("may not") && refused.contains("release") && refused.contains("grants:"))
        #expect(try bob.run("agent.call('key_delete', subject='release')", on: agent).hasPrefix("PERMISSION_DENIED"))
        #expect(try bob.run("agent.create_key('release', 'p256')", on: agent).hasPrefix("FAILED_PRECONDITION"))

        let root = agent.client()
        #expect(try root.refusal(.sign(key: "release", message: [1])).code == .permissionDenied)
        #expect(try root.call(.showKey("release")).keys.first?.ownerUid == 54_001)
        _ = try root.call(.deleteKey("release"))
        #expect(try alice.run("agent.sign('release', b'x')", on: agent).hasPrefix("NOT_FOUND"))
    }

    @Test("see the keys that are theirs, and only their own audit records")
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

    @Test("get what a grant gives, by user and by supplementary group, and no more")
    func grants() throws {
        let agent = try TestAgent(
            more: """
                grants:
                  - to: ["unix:uid:54002"]
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
        let member = OtherUser(uid: 54_003, groups: [54_777])
        #expect(try member.run("print(len(agent.sign('release-1', b'x')))", on: agent) == "64")
        let stranger = OtherUser(uid: 54_003)
        #expect(try stranger.run("agent.sign('release-1', b'x')", on: agent).hasPrefix("PERMISSION_DENIED"))
    }

    @Test("under dynamic and overflow uids own nothing", arguments: [65_534, 61_200])
    func uncertainUsers(uid: UInt32) throws {
        let agent = try TestAgent()
        let user = OtherUser(uid: uid)
        #expect(try user.run("agent.create_key('k', 'p256')", on: agent).hasPrefix("PERMISSION_DENIED"))
        #expect(try user.run("print(agent.status()['state'])", on: agent) == "ready")
    }

    @Test("have new grants after SIGHUP, and the old ones where the new are wrong")
    func reload() throws {
        let agent = try TestAgent()
        _ = try alice.run("agent.create_key('release', 'p256')", on: agent)
        #expect(try bob.run("agent.sign('release', b'x')", on: agent).hasPrefix("PERMISSION_DENIED"))
        let good = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        let grant = "grants: [{to: [\"unix:uid:54002\"], keys: [release], operations: [sign]}]\n"
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
}
