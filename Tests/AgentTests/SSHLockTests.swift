import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// What users decide about ssh.sock, by the real ssh-add and dtactl.
@Suite(
    "Hiding, locking and constraining on ssh.sock", .ownThread,
    .enabled(if: TestSSHServer.isThere, "needs openssh-server"))
struct SSHLockTests {
    private let agent: TestAgent
    private let folder: TemporaryDirectory

    init() throws {
        agent = try TestAgent(speaksSSH: true)
        folder = try TemporaryDirectory()
    }

    /// Makes a key.
    /// - Returns: its line for authorized_keys, which is also in a file `NAME.pub`.
    @discardableResult
    private func make(_ name: String) throws -> String {
        _ = try agent.client().call(.createKey(name, type: .ed25519), timeout: .seconds(60))
        let line = try agent.dtactl("ssh", "authorized-key", name).text.trimmingCharacters(in: .newlines)
        try folder.write("\(name).pub", line + "\n")
        return line
    }

    private func add(_ arguments: String..., passphrase: String? = nil) throws -> Finished {
        var environment = ["SSH_AUTH_SOCK": agent.sshSocketPath]
        if let passphrase {
            let askpass = try folder.write("askpass", "#!/bin/sh\necho '\(passphrase)'\n", mode: 0o700)
            environment["SSH_ASKPASS"] = askpass
            environment["SSH_ASKPASS_REQUIRE"] = "force"
        }
        return try run("ssh-add", arguments, environment: environment)
    }

    private func names() throws -> [String] {
        try add("-L").text.split(separator: "\n").filter { $0.hasPrefix("ssh-") }
            .compactMap { $0.split(separator: " ").dropFirst(2).first.map(String.init) }
    }

    private func signs(_ name: String) throws -> Bool {
        let file = try folder.write("file", "hello")
        _ = try? FileManager.default.removeItem(atPath: file + ".sig")
        return try run(
            "ssh-keygen", ["-Y", "sign", "-q", "-f", folder.file("\(name).pub"), "-n", "file", file],
            environment: ["SSH_AUTH_SOCK": agent.sshSocketPath]
        ).status == 0
    }

    private func restart() throws {
        agent.stop()
        try agent.start()
    }

    private func records() throws -> [String] { try agent.client().call(.list(.auditList, count: 200)).lines }

    @Test("a hidden key is neither shown nor used, also after a restart, until it is shown; it is not destroyed")
    func hiding() throws {
        for name in ["a", "b", "c"] { try make(name) }
        #expect(try add("-d", folder.file("a.pub")).status == 0)
        #expect(try names() == ["b", "c"])
        #expect(try !signs("a") && signs("b"))
        #expect(try add("-d", folder.file("a.pub")).status != 0)
        try restart()
        #expect(try names() == ["b", "c"])
        #expect(try agent.dtactl("ssh", "list").text.contains("nothing: hidden"))
        #expect(try agent.dtactl("ssh", "show", "a").status == 0)
        #expect(try names() == ["a", "b", "c"] && signs("a"))
        #expect(try add("-D").status == 0)
        #expect(try names() == [])
        #expect(try agent.client().call(.list(.keyList)).keys.count == 3)
        #expect(try agent.client().call(.sign(key: "a", message: [1])).data.count == 64)
        #expect(try agent.dtactl("ssh", "show", "b").status == 0 && names() == ["b"])
        #expect(try agent.dtactl("ssh", "hide", "b").status == 0 && names() == [])
        #expect(try agent.dtactl("ssh", "hide", "nobody").status == 1)
        #expect(try records().contains { $0.contains(#""op":"ssh.hide","subject":"a""#) && $0.contains(#""OK""#) })
    }

    @Test("keys stand in the order that their user gives them")
    func order() throws {
        for name in ["a", "b", "c"] { try make(name) }
        #expect(try agent.dtactl("ssh", "show", "c", "--first").status == 0)
        #expect(try names() == ["c", "a", "b"])
        #expect(try agent.dtactl("ssh", "show", "b", "--first").status == 0)
        #expect(try agent.dtactl("ssh", "show", "c", "--last").status == 0)
        try restart()
        #expect(try names() == ["b", "a", "c"])
        #expect(try agent.dtactl("ssh", "show", "c", "--first", "--last").status == 2)
        // What is deleted takes its place with it.
        _ = try agent.client().call(.deleteKey("b"))
        #expect(try names() == ["a", "c"])
    }

    @Test("a lock hides all and signs nothing, survives a restart, and ends with its passphrase alone")
    func locking() throws {
        try make("a")
        #expect(try add("-d", folder.file("a.pub")).status == 0)
        try make("b")
        #expect(try add("-X", passphrase: "open sesame").status != 0)
        #expect(try add("-x", passphrase: "open sesame").status == 0)
        #expect(try names() == [] && !signs("b"))
        #expect(try add("-x", passphrase: "another").status != 0)
        #expect(try add("-d", folder.file("b.pub")).status != 0)
        try restart()
        #expect(try names() == [] && !signs("b"))
        #expect(try agent.dtactl("ssh", "list").errors.contains("ssh.sock is locked"))
        // The other socket does not know of it.
        #expect(try agent.client().call(.sign(key: "b", message: [1])).data.count == 64)
        // The delay doubles, so some attempt falls into it, however slow this machine is.
        try agent.wait("an attempt comes too early") {
            #expect(try add("-X", passphrase: "wrong").status != 0)
            return try records().contains { $0.contains("why=too-early") }
        }
        try agent.wait("the delay ends", every: 200) { try add("-X", passphrase: "open sesame").status == 0 }
        // What was hidden is shown again.
        #expect(try names() == ["a", "b"] && signs("a"))
        let all = try records().joined(separator: "\n")
        for word in ["locked", "not-locked", "wrong-passphrase", "too-early"] { #expect(all.contains("why=\(word)")) }
        #expect(!all.contains("sesame") && !agent.log.contains("sesame"))
    }

    // MARK: Destinations

    @Test(
        "a key that its owner constrains logs in there and nowhere else, and signs nothing else, also after a restart")
    func constraining() throws {
        let line = try make("k")
        let here = try TestSSHServer(authorized: [line])
        let other = try TestSSHServer(authorized: [line])
        let known = try folder.write(
            "known_hosts", "here \(here.hostKey())\nother \(other.hostKey())\n")
        let set = try agent.dtactl("ssh", "constrain", "k", "\(TestSSHServer.user)@here", "--known-hosts", known)
        #expect(set.text == "key k is for \(TestSSHServer.user)@here\n", "\(set.errors)")
        try restart()
        #expect(try here.ssh("echo here", agent: agent.sshSocketPath).text == "here\n", "\(agent.log)")
        #expect(try other.ssh("echo here", agent: agent.sshSocketPath).status == 255)
        #expect(try !signs("k"))
        #expect(try agent.client().call(.sign(key: "k", message: [1])).data.count == 64)
        let explained = try agent.client().call(.explainPolicy(subject: "k", permission: "sign", sshLogin: "x@here"))
        #expect(!explained.valid && explained.lines.contains { $0.contains("lack this one") })
        #expect(try agent.dtactl("ssh", "constrain", "k", "nowhere", "--known-hosts", known).status == 1)
        #expect(try agent.dtactl("ssh", "constrain", "k").status == 2)
        #expect(try agent.dtactl("ssh", "constrain", "k", "--none").status == 0)
        #expect(try other.ssh("echo here", agent: agent.sshSocketPath).text == "here\n" && signs("k"))
    }

    @Test("over two hops a key logs in by the way that it is constrained to, and a wrong hop gets nothing")
    func twoHops() throws {
        let line = try make("k")
        // `bastion` and `wrong` are hosts to which the agent is forwarded; from there ssh goes on to `target`.
        let (bastion, wrong) = (
            try TestSSHServer(authorized: [line]), try TestSSHServer(authorized: [line])
        )
        let target = try TestSSHServer(authorized: [line])
        let known = try folder.write(
            "known_hosts",
            "bastion \(bastion.hostKey())\nwrong \(wrong.hostKey())\ntarget \(target.hostKey())\n")
        let set = try agent.dtactl(
            "ssh", "constrain", "k", "bastion", "wrong", "bastion>\(TestSSHServer.user)@target", "--known-hosts", known)
        #expect(set.status == 0, "\(set.errors)")
        let onward =
            (["ssh"] + TestSSHServer.options + ["-p", "\(target.port)", "\(TestSSHServer.user)@127.0.0.1"])
            .joined(separator: " ") + " echo there"
        let right = try bastion.ssh(onward, agent: agent.sshSocketPath, options: ["-A"])
        #expect(right.text == "there\n", "\(right.errors)\n\(agent.log)\n\(target.log)")
        let record = try #require(try records().last { $0.contains(#""op":"ssh.sign""#) })
        #expect(record.contains("hops=2"))
        let refused = try wrong.ssh(onward, agent: agent.sshSocketPath, options: ["-A"])
        #expect(refused.text.isEmpty && refused.status != 0)
        // Without forwarding, the target is not at the end of its way.
        #expect(try target.ssh("echo there", agent: agent.sshSocketPath).status == 255)
        // A remote host can neither lock nor hide anything.
        let askpass = try folder.write("askpass", "#!/bin/sh\necho x\n", mode: 0o755)
        chmod(folder.path, 0o755)
        for command in [
            "SSH_ASKPASS=\(askpass) SSH_ASKPASS_REQUIRE=force ssh-add -x", "ssh-add -D",
            "ssh-add -d \(folder.file("k.pub"))",
        ] { #expect(try bastion.ssh(command, agent: agent.sshSocketPath, options: ["-A"]).status != 0, "\(command)") }
        #expect(try records().filter { $0.contains("why=forwarded") }.count == 3)
        #expect(try names() == ["k"])
    }
}
