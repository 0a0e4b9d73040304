import DTAConfiguration
import DTASystem
import Testing

@testable import DTAAgent
@testable import DTACore

@Suite struct PolicyTests {
    let key = Resource(.key, "release", owner: Owner(uid: 1000, name: "alice"))
    let identity = Resource(.identity, "bank", owner: Owner(uid: 1000, name: "alice"))

    func policy(_ grants: Configuration.Grant..., canSeePrograms: Bool = true) throws -> Policy {
        try Policy(grants, canSeePrograms: canSeePrograms)
    }

    @Test(
        "without grants, owners may do everything with what is theirs, and others nothing",
        arguments: Permission.allCases)
    func ownerOnly(_ permission: Permission) throws {
        let policy = try policy()
        #expect(policy.allows(alice, permission, key))
        #expect(policy.allows(bob, permission, key) == (permission == .publish || permission == .random))
    }

    @Test("root may see and delete others' keys, and uses none", arguments: Permission.allCases)
    func administration(_ permission: Permission) throws {
        let free: Set<Permission> = [.public, .manage, .publish, .random]
        #expect(try policy().allows(root, permission, key) == free.contains(permission))
        #expect(try policy().allows(root, permission, identity) == free.contains(permission))
    }

    @Test("a uid that changed hands inherits nothing, and the reason says so")
    func reusedUID() throws {
        let mallory = user("mallory", 1000)
        let error = try refusal { try policy().authorize(mallory, .sign, key) }
        #expect(error.code == .permissionDenied)
        #expect(error.message.contains("a uid that changes hands inherits nothing"))
    }

    @Test("a user that only carries makes nothing of its own unless a grant says so, and others may")
    func couriers() throws {
        let gateway = user("dtagw", 990)
        let plain = try Policy([])
        try plain.authorizeMaking(alice, .identity, "alice")
        let error = try refusal { try plain.authorizeMaking(gateway, .identity, "acme") }
        #expect(error.code == .permissionDenied && error.hint.contains("create"))
        #expect(throws: DTAError.self) { try plain.authorizeMaking(gateway, .key, "acme") }
        let granted = try Policy([
            Configuration.Grant(to: ["unix:user:dtagw"], keys: [], identities: ["shop-*"], operations: ["create"])
        ])
        try granted.authorizeMaking(gateway, .identity, "shop-1")
        #expect(throws: DTAError.self) { try granted.authorizeMaking(gateway, .identity, "bank") }
        #expect(throws: DTAError.self) { try granted.authorizeMaking(gateway, .key, "shop-1") }
        try Policy([], couriers: []).authorizeMaking(gateway, .identity, "acme")
        #expect(throws: DTAError.self) { _ = try Policy([], couriers: ["unix:path:/usr/sbin/dtagw"]) }
        #expect(throws: DTAError.self) { _ = try Policy([], couriers: ["dtagw"]) }
    }

    @Test("a refusal names the user, the key and its owner, and what helps")
    func sentence() throws {
        let error = try refusal { try policy().authorize(bob, .sign, key) }
        #expect(error.message == #"user bob (1001) may not sign with key "release": it belongs to user alice (1000)"#)
        #expect(error.hint.contains("grants: in dtad.yaml"))
    }

    @Test("a grant gives exactly its operations on exactly its names to exactly its callers")
    func grants() throws {
        let policy = try policy(grant(["unix:user:bob"], keys: ["rel*"], ["sign", "public"]))
        #expect(policy.allows(bob, .sign, key))
        #expect(policy.allows(bob, .public, key))
        #expect(!policy.allows(bob, .manage, key))
        #expect(!policy.allows(carol, .sign, key))
        #expect(!policy.allows(bob, .sign, Resource(.key, "prerelease", owner: key.owner)))
        #expect(!policy.allows(bob, .public, Resource(.identity, "release", owner: key.owner)))
    }

    @Test("all selectors of a grant must match")
    func conjunction() throws {
        let policy = try policy(grant(["unix:gid:500", "systemd:unit:app.service"], keys: ["*"], ["sign"]))
        var caller = user("bob", 1001, groups: [500])
        #expect(!policy.allows(caller, .sign, key))
        caller.unit = "app.service"
        #expect(policy.allows(caller, .sign, key))
        caller.groups = []
        #expect(!policy.allows(caller, .sign, key))
        caller.gid = 500
        #expect(policy.allows(caller, .sign, key))
    }

    @Test("each selector of a grant matches what it says")
    func selectors() throws {
        var caller = user("bob", 1001)
        caller.executable = "/usr/bin/app"
        caller.executableDigest = String(repeating: "ab", count: 32)
        for selector in [
            "unix:uid:1001", "unix:user:bob", "unix:gid:1001", "unix:path:/usr/bin/app",
            "unix:sha256:" + String(repeating: "AB", count: 32),
        ] {
            #expect(try Selector(selector).matches(caller), "\(selector)")
            #expect(try !Selector(selector).matches(carol), "\(selector)")
        }
        // One path for Unicode, and two for the kernel.
        caller.executable = "/opt/e\u{301}t\u{e9}"
        #expect(try Selector("unix:path:/opt/e\u{301}t\u{e9}").matches(caller))
        #expect(try !Selector("unix:path:/opt/\u{e9}t\u{e9}").matches(caller))
        #expect(try Selector("unix:group:root").matches(root))
        #expect(try !Selector("unix:group:root").matches(bob))
    }

    @Test(
        "a text that is not a selector is refused with a sentence of one line",
        arguments: [
            "", "unix", "unix:uid", "unix:uid:", "unix:uid:-1", "unix:uid:+1", "unix:uid:4294967296", "unix:uid:1 ",
            "unix:user:", "unix:user:a b", "unix:group:no-such-group-here", "unix:path:bin/app", "unix:sha256:abc",
            "unix:sha256:" + String(repeating: "g", count: 64), "systemd:unit:app", "systemd:unit:a/b.service",
            "unix:name:bob", "uid:1000", "unix:user:bob\nunix:uid:0",
        ])
    func badSelectors(_ text: String) throws {
        let error = try refusal { _ = try Selector(text) }
        #expect(error.code == .invalidArgument)
        #expect(!error.message.contains("\n"))
    }

    @Test("a selector of a program needs a user, a group or a unit beside it")
    func programsAlone() throws {
        let error = try refusal { _ = try policy(grant(["unix:path:/usr/bin/app"], keys: ["*"], ["sign"])) }
        #expect(error.message.contains("line 7") && error.message.contains("can connect and then run another"))
        #expect(throws: Never.self) {
            try policy(grant(["unix:path:/usr/bin/app", "unix:user:bob"], keys: ["*"], ["sign"]))
        }
    }

    @Test("a selector of a program is refused where dtad cannot see other users' programs")
    func programsUnseen() throws {
        let error = try refusal {
            _ = try policy(
                grant(["unix:path:/usr/bin/app", "unix:user:bob"], keys: ["*"], ["sign"]), canSeePrograms: false)
        }
        #expect(error.code == .failedPrecondition && error.message.contains("CAP_SYS_PTRACE"))
    }

    @Test("grants that could never do anything are refused")
    func senseless() throws {
        #expect(code { _ = try policy(grant(["unix:uid:1"], keys: ["*"], ["seal"])) } == .invalidArgument)
        #expect(code { _ = try policy(grant(["unix:uid:1"], identities: ["*"], ["sign"])) } == .invalidArgument)
        #expect(code { _ = try policy(grant(["unix:uid:1"], keys: ["a/b"], ["sign"])) } == .invalidArgument)
        #expect(code { _ = try policy(grant(["unix:uid:1"], keys: ["*"], ["signs"])) } == .invalidArgument)
        #expect(code { _ = try policy(grant([], keys: ["*"], ["sign"])) } == .invalidArgument)
    }

    @Test("no grant gives the agent's own identity away")
    func agentIdentity() throws {
        let policy = try policy(grant(["unix:user:bob"], identities: ["*"], ["seal", "open", "manage", "public"]))
        let agent = Resource(.identity, "agent", owner: .agent)
        for caller in [bob, root] {
            for permission in [Permission.seal, .open, .manage] { #expect(!policy.allows(caller, permission, agent)) }
            #expect(policy.allows(caller, .public, agent))
        }
    }

    @Test("policy explain says what is decided", arguments: Permission.allCases)
    func explanation(_ permission: Permission) throws {
        let policy = try policy(
            grant(["unix:user:bob"], keys: ["rel*"], ["sign", "mac"]),
            grant(["unix:user:carol"], identities: ["*"], ["open"]))
        for caller in [root, alice, bob, carol] {
            for resource in [key, identity] where permission.applies(to: resource.kind) {
                let decision = policy.explain(caller, permission, resource)
                #expect(decision.isAllowed == policy.allows(caller, permission, resource))
                #expect(!decision.reasons.isEmpty)
            }
        }
    }

    @Test("policy explain says which selector does not match")
    func explanationOfMismatch() throws {
        let policy = try policy(grant(["unix:user:bob", "systemd:unit:app.service"], keys: ["*"], ["sign"]))
        let reasons = policy.explain(bob, .sign, key).reasons.joined(separator: "\n")
        #expect(reasons.contains("does not match systemd:unit:app.service"))
        #expect(!reasons.contains("does not match unix:user:bob"))
    }

    @Test("a policy that is wrong leaves the old one in force")
    func reload() throws {
        let host = try Host(grants: [grant(["unix:user:bob"], keys: ["release"], ["sign"])])
        try host.key("release")
        var configuration = Configuration(state: host.path)
        configuration.grants = [grant(["unix:nonsense:1"], keys: ["*"], ["sign"])]
        #expect(code { try host.core.reload(configuration) } == .invalidArgument)
        #expect(code { _ = try host.core.keys.sign(bob, name: "release", data: [1]) } == nil)
        configuration.grants = []
        try host.core.reload(configuration)
        #expect(code { _ = try host.core.keys.sign(bob, name: "release", data: [1]) } == .permissionDenied)
    }

    @Test("users may ask what they may do themselves, and only administrators what others may")
    func explainOthers() throws {
        let host = try Host()
        try host.key("release")
        #expect(try host.core.explain(alice, subject: "release", permission: "sign", uid: nil).isAllowed)
        #expect(try !host.core.explain(root, subject: "release", permission: "sign", uid: nil).isAllowed)
        #expect(
            code { _ = try host.core.explain(bob, subject: "release", permission: "sign", uid: 1000) }
                == .permissionDenied)
        #expect(code { _ = try host.core.explain(bob, subject: "other", permission: "sign", uid: nil) } == .notFound)
        #expect(
            code { _ = try host.core.explain(bob, subject: "release", permission: "x", uid: nil) } == .invalidArgument)
        #expect(try !host.core.explain(root, subject: "release", permission: "sign", uid: 65_534).isAllowed)
    }
}

@Suite struct GlobTests {
    @Test(
        "a pattern of names matches what it says",
        arguments: [
            ("*", "a", true), ("*", "", true), ("a*", "a", true), ("a*", "ab", true), ("a*", "ba", false),
            ("*a", "ba", true), ("*a", "ab", false), ("a?c", "abc", true), ("a?c", "ac", false), ("?", "", false),
            ("a*b*c", "aXbYc", true), ("a*b*c", "aXcYb", false), ("*ab", "aab", true), ("a**b", "ab", true),
            ("release", "release", true), ("release", "Release", false), ("a.c", "abc", false),
        ])
    func matching(_ pattern: String, _ name: String, _ matches: Bool) throws {
        #expect(try Glob(pattern).matches(name) == matches)
    }

    @Test("a pattern of names that backtracks a lot still ends soon")
    func pathological() throws {
        let glob = try Glob(String(repeating: "*a", count: 60))
        #expect(!glob.matches(String(repeating: "a", count: 59) + String(repeating: "b", count: 5)))
    }
}
