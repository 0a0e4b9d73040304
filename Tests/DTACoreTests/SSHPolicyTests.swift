import DTAConfiguration
import DTASSH
import DTASystem
import Testing

@testable import DTACore

/// What terms of keys and grants allow together.
@Suite("Terms for ssh.sock")
struct SSHPolicyTests {
    private let key = Resource(.key, "k", owner: Owner(uid: 1000, name: "alice"))
    private let message = SSHSignedData(
        sshsig("git"), by: .ed25519([UInt8](repeating: 1, count: 32)))
    private let hash = SSHSignedData([UInt8](repeating: 1, count: 32), by: .ed25519([UInt8](repeating: 1, count: 32)))
    private let test = SSHSignedData([UInt8](repeating: 1, count: 1024), by: .ed25519([UInt8](repeating: 1, count: 32)))
    private let odd = SSHSignedData([1, 2, 3], by: .ed25519([UInt8](repeating: 1, count: 32)))

    private static func sshsig(_ namespace: String) -> [UInt8] {
        var writer = SSHWriter()
        writer.raw(Array("SSHSIG".utf8))
        writer.string(namespace)
        writer.string("")
        writer.string("sha256")
        writer.string([UInt8](repeating: 1, count: 32))
        return writer.bytes
    }

    private func terms(_ change: (inout Configuration.SSH.Terms) -> Void) -> Configuration.SSH.Terms {
        var terms = Configuration.SSH.Terms()
        change(&terms)
        return terms
    }

    private func grant(_ terms: Configuration.SSH.Terms?, to user: String = "bob") -> Configuration.Grant {
        Configuration.Grant(to: ["unix:user:\(user)"], keys: ["k"], identities: [], operations: ["sign"], ssh: terms)
    }

    private func policy(
        _ grants: [Configuration.Grant] = [], keys: [Configuration.SSH.Terms] = []
    ) throws -> Policy {
        var ssh = Configuration.SSH()
        ssh.keys = keys.map { Configuration.SSH.KeyTerms(keys: ["k"], terms: $0) }
        return try Policy(grants, ssh: ssh)
    }

    private func why(_ policy: Policy, _ caller: Caller, _ data: SSHSignedData) -> SSHObstacle? {
        policy.obstacle(caller, data, with: key, on: SSHBindings(), now: 0)
    }

    @Test("without terms an owner signs messages, and nothing that cannot be read; strangers sign nothing")
    func standard() throws {
        let policy = try policy()
        #expect(why(policy, alice, message) == nil)
        for data in [hash, test, odd] { #expect(why(policy, alice, data) == .unknownData) }
        #expect(why(policy, bob, message) == .notPermitted)
        #expect(why(policy, root, message) == .notPermitted)
        #expect(policy.allows(alice, .sign, key))
    }

    @Test("a grant without terms gives what the owner has, on all sockets; one with terms what they say, on ssh.sock")
    func grants() throws {
        let plain = try policy([grant(nil)])
        #expect(why(plain, bob, message) == nil && why(plain, bob, odd) == .unknownData)
        #expect(plain.allows(bob, .sign, key))
        let bounded = try policy([grant(terms { $0.namespaces = ["file"] })])
        #expect(why(bounded, bob, message) == .namespaceNotNamed && !bounded.allows(bob, .sign, key))
        let two = try policy([grant(terms { $0.namespaces = ["file"] }), grant(terms { $0.namespaces = ["g*"] })])
        #expect(why(two, bob, message) == nil && !two.allows(bob, .sign, key))
        let tests = try policy([grant(terms { $0.tests = true }, to: "alice")])
        #expect(why(tests, alice, test) == nil && why(tests, alice, message) == nil && why(tests, alice, odd) != nil)
        #expect(tests.allows(alice, .sign, key))
    }

    @Test("terms of a key hold for each caller, and a grant's terms beside them")
    func both() throws {
        let git = terms { $0.namespaces = ["git"] }
        let policy = try policy([grant(nil), grant(terms { $0.namespaces = ["*"] }, to: "carol")], keys: [git])
        for caller in [alice, bob, carol] {
            #expect(why(policy, caller, message) == nil)
            #expect(
                why(policy, caller, SSHSignedData(Self.sshsig("file"), by: .ed25519([UInt8](repeating: 1, count: 32))))
                    == .namespaceNotNamed)
            #expect(!policy.allows(caller, .sign, key))
        }
        let none = try self.policy([grant(terms { $0.namespaces = ["file"] })], keys: [git])
        #expect(why(none, bob, message) == .namespaceNotNamed)
        let unknown = try self.policy(keys: [terms { $0.unknown = true }])
        for data in [hash, test, odd] { #expect(why(unknown, alice, data) == nil) }
        #expect(why(unknown, alice, message) == .namespaceNotNamed)
    }

    @Test("a host's key signs exchange hashes alone, for those who may use it, also if only a grant makes it one")
    func hostKeys() throws {
        let host = terms { $0.hostKey = true }
        let own = try policy(keys: [host])
        #expect(why(own, alice, hash) == nil && why(own, alice, message) == .hostKeyOnly)
        #expect(why(own, bob, hash) == .notPermitted)
        let granted = try policy([grant(host)])
        #expect(why(granted, bob, hash) == nil)
        #expect(why(granted, alice, message) == .hostKeyOnly && why(granted, alice, hash) == .unknownData)
    }

    @Test("terms that cannot hold are refused")
    func wrong() {
        #expect(throws: DTAError.self) { try policy(keys: [terms { ($0.hostKey, $0.tests) = (true, true) }]) }
        #expect(throws: DTAError.self) { try policy(keys: [terms { $0.logins = ["nowhere"] }]) }
        #expect(throws: DTAError.self) { try policy(keys: [terms { $0.certificates = .init() }]) }
        for operations in [["decrypt"], ["sign", "decrypt"], ["public"]] {
            let grant = Configuration.Grant(
                to: ["unix:user:bob"], keys: ["k"], identities: [], operations: operations,
                ssh: terms { $0.tests = true })
            #expect(throws: DTAError.self) { try policy([grant]) }
        }
    }

    @Test("without a binding each key is shown; after a failed one only keys for all log-ins are")
    func showing() throws {
        var failed = SSHBindings()
        failed.noteAttempt()
        let plain = try policy()
        let git = try policy(keys: [terms { $0.namespaces = ["git"] }])
        let anywhere = try policy(keys: [terms { $0.logins = ["bob@*"] }])
        for policy in [plain, git, anywhere] {
            #expect(policy.fit(alice, key, on: SSHBindings(), now: 0) == .any)
            #expect(policy.fit(bob, key, on: SSHBindings(), now: 0) == .none)
        }
        #expect(plain.fit(alice, key, on: failed, now: 0) == .any)
        #expect(git.fit(alice, key, on: failed, now: 0) == .none)
        #expect(anywhere.fit(alice, key, on: failed, now: 0) == .none)
    }
}
