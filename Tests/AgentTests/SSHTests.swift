import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// The real programs of OpenSSH and git, with keys of a real agent.
@Suite("ssh.sock", .ownThread, .enabled(if: TestSSHServer.isThere, "needs openssh-server"))
struct SSHTests {
    private let agent: TestAgent

    init() throws { agent = try TestAgent(speaksSSH: true) }

    /// An agent with terms.
    private static func agent(_ more: String) throws -> TestAgent { try TestAgent(more: more, speaksSSH: true) }

    private static let types: [(name: String, type: AgentKeyType)] = [
        ("ed", .ed25519), ("p256", .p256), ("p384", .p384), ("rsa", .rsa3072),
    ]

    @discardableResult
    private static func make(_ name: String, _ type: AgentKeyType, on agent: TestAgent) throws -> String {
        _ = try agent.client().call(.createKey(name, type: type), timeout: .seconds(60))
        return try agent.dtactl("ssh", "authorized-key", name).text.trimmingCharacters(in: .newlines)
    }

    private static func program(
        _ name: String, _ arguments: [String], on agent: TestAgent, environment: [String: String] = [:],
        input: [UInt8] = []
    ) throws -> Finished {
        try run(
            name, arguments, input: input,
            environment: ["SSH_AUTH_SOCK": agent.sshSocketPath].merging(environment) { $1 })
    }

    private static func records(_ agent: TestAgent) throws -> [String] {
        try agent.client().call(.list(.auditList, count: 100)).lines
    }

    // MARK: Showing

    @Test("ssh-add lists keys of the types that ssh knows, as dtactl writes them, and no others")
    func lists() throws {
        var lines: [String] = []
        for (name, type) in Self.types { lines.append(try Self.make(name, type, on: agent)) }
        for (name, type) in [("coin", AgentKeyType.secp256K1), ("mac", .hmacSha256), ("cipher", .aes256)] {
            _ = try agent.client().call(.createKey(name, type: type), timeout: .seconds(60))
        }
        let listed = try Self.program("ssh-add", ["-L"], on: agent)
        #expect(listed.text.split(separator: "\n").map(String.init) == lines)
        let short = try Self.program("ssh-add", ["-l"], on: agent).text
        #expect(
            short.contains(" ed (ED25519)") && short.contains("256 SHA256:") && short.contains(" p384 (ECDSA)")
                && short.contains("3072 SHA256:"))
        let table = try agent.dtactl("ssh", "list", "--json").text.split(separator: "\n")
        #expect(table.count == Self.types.count && table[0].contains(#""ssh_only":false"#))
        let fingerprint = try #require(short.split(separator: " ").first { $0.hasPrefix("SHA256:") })
        #expect(table[0].contains(fingerprint))
        #expect(try agent.dtactl("ssh", "authorized-key", "coin").status == 1)
        #expect(try Self.records(agent).contains { $0.contains(#""op":"ssh.identities""#) })
    }

    @Test("dtactl prints the line for a shell, and says so if an agent has no socket for ssh")
    func environmentLine() throws {
        let shown = try run(
            "sh",
            ["-c", #"eval "$("$0" ssh env --socket "$1")" && ssh-add -l"#, Binary.path("dtactl"), agent.socketPath])
        #expect(shown.text.contains("no identities"), "\(shown.text) \(shown.errors)")
        let plain = try TestAgent()
        let refused = try plain.dtactl("ssh", "env")
        #expect(refused.status == 1 && refused.errors.contains("no socket for ssh"))
    }

    @Test("ssh-add can add no key, gets a refusal, and the reason is in the log")
    func adding() throws {
        let folder = try TemporaryDirectory()
        _ = try run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", folder.file("k")])
        #expect(try Self.program("ssh-add", [folder.file("k")], on: agent).status != 0)
        #expect(agent.log.contains("keys are not added on ssh.sock: dtactl key create"))
        #expect(try Self.records(agent).contains { $0.contains(#""op":"ssh.add""#) && $0.contains("why=no-adding") })
    }

    // MARK: Logging in

    @Test("ssh logs in to a real host with a key of each type", arguments: types)
    func logsIn(name: String, type: AgentKeyType) throws {
        let line = try Self.make(name, type, on: agent)
        let server = try TestSSHServer(authorized: [line])
        let done = try server.ssh("echo here", agent: agent.sshSocketPath)
        #expect(done.text == "here\n", "\(done.errors)\n\(server.log)\n\(agent.log)")
        let record = try #require(try Self.records(agent).last { $0.contains(#""op":"ssh.sign""#) })
        #expect(record.contains(#""subject":"\#(name)""#) && record.contains("login=\(TestSSHServer.user)"))
        let hostKey = try run("ssh-keygen", ["-l", "-f", server.directory.file("host.pub")]).text
        let fingerprint = try #require(hostKey.split(separator: " ").first { $0.hasPrefix("SHA256:") })
        #expect(record.contains("host=\(fingerprint)") && record.contains("hops=1"))
    }

    @Test(
        "a connection is bound to a host with a key of each type that sshd has",
        arguments: [("rsa", 2048), ("rsa", 3072), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521)])
    func hostKeys(type: String, bits: Int) throws {
        let folder = try TemporaryDirectory()
        let hostKey = folder.file("host")
        _ = try run("ssh-keygen", ["-q", "-t", type, "-b", "\(bits)", "-N", "", "-f", hostKey])
        let line = try String(contentsOfFile: hostKey + ".pub", encoding: .utf8).trimmingCharacters(in: .newlines)
        let agent = try Self.agent(
            "ssh: { hosts: [{ name: here, keys: [\"\(line)\"] }], keys: [{ keys: [k], logins: [here] }] }")
        let server = try TestSSHServer(
            authorized: [try Self.make("k", .ed25519, on: agent)], more: ["HostKey \(hostKey)"])
        let done = try server.ssh("echo here", agent: agent.sshSocketPath)
        #expect(done.text == "here\n", "\(done.errors)\n\(server.log)\n\(agent.log)")
        #expect(try Self.records(agent).contains { $0.contains(#""op":"ssh.bind""#) && $0.contains(#""OK""#) })
    }

    @Test("terms let a key log in as one user at one host, and the log says what stood in the way elsewhere")
    func terms() throws {
        let known = try TestSSHServer(authorized: [])
        let agent = try Self.agent(
            """
            ssh:
              hosts:
                - { name: known.example, keys: ["\(known.hostKey())"] }
              keys:
                - { keys: [k], logins: ["\(TestSSHServer.user)@known.example"] }
            """)
        let line = try Self.make("k", .ed25519, on: agent)
        try known.directory.write("authorized", line + "\n")
        let other = try TestSSHServer(authorized: [line])
        #expect(try known.ssh("echo here", agent: agent.sshSocketPath).text == "here\n", "\(agent.log)")
        // It is not even offered to another host.
        #expect(try other.ssh("echo here", agent: agent.sshSocketPath).status == 255)
        #expect(!other.log.contains("Failed publickey"))
        // Another user at the right host: the key is offered, and signs nothing.
        #expect(try known.ssh("echo here", agent: agent.sshSocketPath, user: "nobody").status == 255)
        let file = try known.directory.write("file", "hello")
        try known.directory.write("k.pub", line + "\n")
        let signed = try Self.program(
            "ssh-keygen", ["-Y", "sign", "-f", known.directory.file("k.pub"), "-n", "file", file], on: agent)
        #expect(signed.status != 0)
        let refusals = try Self.records(agent).filter { $0.contains("PERMISSION_DENIED") }.joined(separator: "\n")
        #expect(refusals.contains("why=namespace-not-named"), "\(refusals)")

        // A key with terms signs nowhere else, and the policy says why.
        let refused = try agent.client().refusal(.sign(key: "k", message: [1]))
        #expect(refused.code == .permissionDenied && refused.message.contains("ssh.sock only"))
        let user = TestSSHServer.user
        for (login, allowed) in [
            ("\(user)@known.example", true), ("mallory@known.example", false), ("\(user)@else.example", false),
        ] {
            let answer = try agent.client().call(
                .explainPolicy(subject: "k", permission: "sign", sshLogin: login))
            #expect(answer.valid == allowed, "\(login): \(answer.lines)")
        }
        let shown = try agent.dtactl("policy", "explain", "k", "sign", "--ssh-login", "\(user)@known.example")
        #expect(shown.text.hasPrefix("allowed\n"), "\(shown.text)\(shown.errors)")
        #expect(try agent.dtactl("policy", "explain", "k", "mac", "--ssh-login", "a@b").status == 1)
    }

    @Test("of 10 keys the one that a host knows logs in, though the host allows 6 tries")
    func manyKeys() throws {
        let server = try TestSSHServer(authorized: [])
        let agent = try Self.agent(
            """
            ssh:
              hosts:
                - { name: here, keys: ["\(server.hostKey())"] }
              keys:
                - { keys: [z9], logins: [here] }
            """)
        var lines: [String] = []
        for number in 0..<10 { lines.append(try Self.make(number == 9 ? "z9" : "k\(number)", .ed25519, on: agent)) }
        try server.directory.write("authorized", lines[9] + "\n")
        let done = try server.ssh("echo here", agent: agent.sshSocketPath)
        #expect(done.text == "here\n", "\(done.errors)\n\(server.log)")
        #expect(try Self.program("ssh-add", ["-l"], on: agent).text.split(separator: "\n").count == 10)
        // No other host sees that key, and none sees more than five.
        let other = try TestSSHServer(authorized: [lines[9]])
        #expect(try other.ssh("echo here", agent: agent.sshSocketPath).status == 255)
        #expect(!other.log.contains("Too many authentication failures"))
    }

    // MARK: Signing messages

    @Test("ssh-keygen signs files and verifies them, with a key of each type", arguments: types)
    func signsFiles(name: String, type: AgentKeyType) throws {
        let line = try Self.make(name, type, on: agent)
        let folder = try TemporaryDirectory()
        let message = try folder.write("message", "hello")
        let key = try folder.write("k.pub", line + "\n")
        let signed = try Self.program("ssh-keygen", ["-Y", "sign", "-f", key, "-n", "file", message], on: agent)
        #expect(signed.status == 0, "\(signed.errors)\n\(agent.log)")
        let allowed = try folder.write("allowed", "me@example \(line)\n")
        func verify(_ text: String) throws -> Int32 {
            try run(
                "ssh-keygen",
                ["-Y", "verify", "-f", allowed, "-I", "me@example", "-n", "file", "-s", message + ".sig"],
                input: Array(text.utf8)
            ).status
        }
        #expect(try verify("hello") == 0)
        #expect(try verify("hallo") != 0)
        let record = try #require(try Self.records(agent).last { $0.contains(#""op":"ssh.sign""#) })
        #expect(record.contains("namespace=file") && record.contains("unbound"))
    }

    @Test("A key that ssh-keygen made signs after its import, and each record says that it was imported")
    func signsWithImportedKeys() throws {
        let folder = try TemporaryDirectory()
        let key = folder.file("k")
        _ = try run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key])
        let imported = try run(
            Binary.path("dtactl"), ["--socket", agent.socketPath, "key", "import", "old", key],
            environment: ["DTA_AGENT_KEY": agent.state + "/import.pem"])
        try #require(imported.status == 0, "\(imported.errors)")
        try FileManager.default.removeItem(atPath: key)
        let message = try folder.write("message", "hello")
        let signed = try Self.program(
            "ssh-keygen", ["-Y", "sign", "-f", key + ".pub", "-n", "file", message], on: agent)
        #expect(signed.status == 0, "\(signed.errors)\n\(agent.log)")
        let record = try #require(try Self.records(agent).last { $0.contains(#""op":"ssh.sign""#) })
        #expect(record.contains(" imported") && record.contains(#""OK""#), "\(record)")
        let other = try #require(try Self.records(agent).last { $0.contains(#""op":"ssh.identities""#) })
        #expect(!other.contains("imported"))
    }

    @Test("git signs a commit with a key that may sign for git alone, and verifies it")
    func git() throws {
        let agent = try Self.agent("ssh: { keys: [{ keys: [k], namespaces: [git] }] }")
        let line = try Self.make("k", .ed25519, on: agent)
        let folder = try TemporaryDirectory()
        let key = try folder.write("k.pub", line + "\n")
        let allowed = try folder.write("allowed", "me@example namespaces=\"git\" \(line)\n")
        let home = [
            "HOME": folder.path, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "me", "GIT_AUTHOR_EMAIL": "me@example",
            "GIT_COMMITTER_NAME": "me", "GIT_COMMITTER_EMAIL": "me@example",
        ]
        func git(_ arguments: String...) throws -> Finished {
            try Self.program(
                "git",
                [
                    "-C", folder.path, "-c", "gpg.format=ssh", "-c", "user.signingkey=\(key)", "-c",
                    "gpg.ssh.allowedSignersFile=\(allowed)",
                ] + arguments, on: agent, environment: home)
        }
        #expect(try git("init", "-q").status == 0)
        let made = try git("commit", "-q", "-S", "--allow-empty", "-m", "signed")
        #expect(made.status == 0, "\(made.errors)\n\(agent.log)")
        let verified = try git("verify-commit", "HEAD")
        #expect(verified.status == 0 && verified.errors.contains("Good \"git\" signature"), "\(verified.errors)")
        let file = try folder.write("file", "x")
        #expect(try Self.program("ssh-keygen", ["-Y", "sign", "-f", key, "-n", "file", file], on: agent).status != 0)
    }

    @Test("ssh-add -T is refused, and a grant for tests allows it")
    func tests() throws {
        let agent = try Self.agent(
            """
            grants:
              - { to: ["unix:uid:\(geteuid())"], keys: [tested], operations: [sign], ssh: { tests: true } }
            """)
        let folder = try TemporaryDirectory()
        for (name, works) in [("tested", true), ("other", false)] {
            let key = try folder.write("\(name).pub", Self.make(name, .p256, on: agent) + "\n")
            let done = try Self.program("ssh-add", ["-T", key], on: agent)
            #expect((done.status == 0) == works, "\(name): \(done.errors)")
        }
        #expect(try Self.records(agent).contains { $0.contains("test unbound why=unknown-data") })
    }

    // MARK: Others

    @Test(
        "another user sees and uses a key by a grant with terms, on ssh.sock only and for what the terms say",
        .enabled(if: OtherUser.arePossible, "several users need root"))
    func grants() throws {
        let agent = try Self.agent(
            """
            grants:
              - { to: ["unix:user:backup"], keys: [release], operations: [sign], ssh: { namespaces: [file] } }
            """)
        let line = try Self.make("release", .ed25519, on: agent)
        let folder = try TemporaryDirectory()
        chmod(folder.path, 0o777)
        let key = try folder.write("k.pub", line + "\n", mode: 0o644)
        func asUser(_ uid: UInt32, _ arguments: [String], input: String = "") throws -> Finished {
            try Self.program(
                "setpriv", ["--reuid", "\(uid)", "--regid", "\(uid)", "--clear-groups"] + arguments, on: agent,
                input: Array(input.utf8))
        }
        #expect(try asUser(34, ["ssh-add", "-L"]).text.hasSuffix(" root/release\n"))
        #expect(try asUser(33, ["ssh-add", "-L"]).text.contains("no identities"))
        let sign = ["ssh-keygen", "-Y", "sign", "-f", key, "-n"]
        #expect(try asUser(34, sign + ["file"], input: "x").text.hasPrefix("-----BEGIN SSH SIGNATURE"))
        #expect(try asUser(34, sign + ["git"], input: "x").status != 0)
        #expect(try asUser(33, sign + ["file"], input: "x").status != 0)
        let refused = try OtherUser.backup.run("agent.sign('release', b'x')", on: agent)
        #expect(refused.hasPrefix("PERMISSION_DENIED") && refused.contains("ssh.sock only"), "\(refused)")
        // The owner's use is as before.
        #expect(try agent.client().call(.sign(key: "release", message: [1])).data.count == 64)
    }
}
