import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// Confirmation by the user, with the real programs of OpenSSH and `dtactl confirm`.
@Suite("Confirmation on ssh.sock", .ownThread, .enabled(if: TestSSHServer.isThere, "needs openssh-server"))
struct SSHConfirmTests {
    /// `dtactl confirm --listen` with an askpass program that a test writes.
    private final class Listener {
        let folder: TemporaryDirectory
        private let process: Subprocess

        /// - Parameter script: lines of a shell script. `$1` is the question, `$0` the script in its folder.
        init(_ script: String, _ agent: TestAgent) throws {
            folder = try TemporaryDirectory()
            try folder.write(
                "askpass",
                "#!/bin/sh\ncd \"$(dirname \"$0\")\"\nprintf '%s %s\\n--\\n' \"$SSH_ASKPASS_PROMPT\" \"$1\" >>asked\n\(script)\n",
                mode: 0o755)
            try folder.write("asked", "")
            let log = open(folder.file("log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard log >= 0 else { throw TestFailure("no log: \(errno)") }
            defer { close(log) }
            process = try Subprocess(
                Binary.path("dtactl"), ["confirm", "--listen", "--socket", agent.socketPath],
                environment: ["SSH_ASKPASS": folder.file("askpass")], descriptors: [1: log, 2: log])
            try eventually("it listens: \(self.log)") { self.log.contains("listening for questions") }
        }

        var log: String { (try? String(contentsOfFile: folder.file("log"), encoding: .utf8)) ?? "" }

        /// The questions that were asked so far.
        var asked: [String] {
            let text = (try? String(contentsOfFile: folder.file("asked"), encoding: .utf8)) ?? ""
            return text.components(separatedBy: "\n--\n").dropLast()
        }

        func end(_ signal: Int32 = SIGKILL) {
            process.signal(signal)
            _ = process.wait()
        }
    }

    /// A key's `.pub` file, and a message, for ssh-keygen.
    private struct Signer {
        let agent: TestAgent
        let directory: TemporaryDirectory
        let key: String
        /// Its line for authorized_keys.
        let line: String

        init(_ name: String, _ agent: TestAgent, marked: String? = nil) throws {
            self.agent = agent
            _ = try agent.client().call(.createKey(name, type: .ed25519), timeout: .seconds(60))
            directory = try TemporaryDirectory()
            line = try agent.dtactl("ssh", "authorized-key", name).text.trimmingCharacters(in: .newlines)
            key = try directory.write("k.pub", line + "\n", mode: 0o644)
            if let marked { _ = try agent.client().call(.confirmSSHKey(name, decision: marked)) }
        }

        private func arguments(_ namespace: String) -> [String] { ["-Y", "sign", "-f", key, "-n", namespace] }

        /// - Returns: whether it signed.
        func sign(_ namespace: String = "file") throws -> Bool {
            let done = try run(
                "ssh-keygen", arguments(namespace), input: Array("hello".utf8),
                environment: ["SSH_AUTH_SOCK": agent.sshSocketPath])
            return done.status == 0 && done.text.hasPrefix("-----BEGIN SSH SIGNATURE")
        }

        /// Begins to sign.
        func begin(_ namespace: String = "file") throws -> Subprocess {
            let message = try directory.write("message", "hello")
            let input = open(message, O_RDONLY | O_CLOEXEC)
            defer { close(input) }
            return try Subprocess(
                "ssh-keygen", arguments(namespace), environment: ["SSH_AUTH_SOCK": agent.sshSocketPath],
                descriptors: [0: input])
        }
    }

    private func records(_ agent: TestAgent) throws -> [String] {
        try agent.client().call(.list(.auditList, count: 500)).lines
    }

    private func why(_ agent: TestAgent, _ word: String) throws -> Bool {
        try records(agent).contains { $0.contains(#""op":"ssh.sign""#) && $0.contains(word) }
    }

    @Test("a marked key signs after a yes, is refused after a no, and signs nowhere else")
    func yesAndNo() throws {
        let agent = try TestAgent(speaksSSH: true)
        let signer = try Signer("k", agent, marked: "each")
        // Without a listener it is refused at once, and the log says what helps.
        #expect(try !signer.sign())
        #expect(try why(agent, "why=no-listener"))
        #expect(agent.log.contains("dtactl confirm --listen"))
        let listener = try Listener("test ! -e no", agent)
        #expect(try signer.sign("git"), "\(agent.log)\(listener.log)")
        #expect(try why(agent, "namespace=git unbound confirmed=yes"))
        let question = try #require(listener.asked.first)
        #expect(
            question.hasPrefix("confirm Allow key \"k\" to sign a message for \"git\"?\nKey: SHA256:"), "\(question)")
        #expect(question.contains("ssh-keygen\", process "), "\(question)")
        try listener.folder.write("no", "")
        #expect(try !signer.sign())
        #expect(try why(agent, "why=said-no"))
        #expect(listener.asked.count == 2)
        // Each signature is asked about.
        try FileManager.default.removeItem(atPath: listener.folder.file("no"))
        #expect(try signer.sign())
        #expect(listener.asked.count == 3)

        let refused = try agent.client().refusal(.sign(key: "k", message: [1]))
        #expect(refused.code == .permissionDenied && refused.message.contains("ssh.sock only"))
        #expect(try !agent.client().call(.explainPolicy(subject: "k", permission: "sign")).valid)
        #expect(try agent.dtactl("ssh", "list").text.contains("for ssh only, asks each time"))
        // It holds after a restart, and until its owner says otherwise.
        listener.end()
        _ = agent.stop()
        try agent.startServing()
        #expect(try !signer.sign())
        #expect(try agent.dtactl("ssh", "confirm", "k", "--none").status == 0)
        #expect(try signer.sign())
        #expect(try agent.client().call(.sign(key: "k", message: [1])).data.count == 64)
    }

    @Test("more signatures than workers wait for an answer, and the agent serves others meanwhile")
    func manyWait() throws {
        let agent = try TestAgent(speaksSSH: true)
        let (signer, other) = (try Signer("k", agent, marked: "each"), try Signer("other", agent))
        let listener = try Listener("while test ! -e go; do sleep 0.05; done", agent)
        let waiting = try (0..<12).map { _ in try signer.begin() }
        try agent.wait("the first question") { listener.asked.count == 1 }
        for _ in 0..<5 {
            #expect(try other.sign())
            #expect(try agent.client().call(.sign(key: "other", message: [1])).data.count == 64)
            #expect(try agent.dtactl("status").status == 0)
        }
        #expect(listener.asked.count == 1)
        try listener.folder.write("go", "")
        for process in waiting { #expect(process.wait() == 0) }
        #expect(listener.asked.count == 12)
    }

    @Test("a question ends when the listener is killed, when the client is, and when the agent stops")
    func ends() throws {
        let agent = try TestAgent(speaksSSH: true)
        let signer = try Signer("k", agent, marked: "each")
        var listener = try Listener("echo $$ >pid; exec sleep 600", agent)
        var signing = try signer.begin()
        try agent.wait("the question") { listener.asked.count == 1 }
        var dialogue: pid_t?
        try agent.wait("the dialogue's number") {
            let text = try? String(contentsOfFile: listener.folder.file("pid"), encoding: .utf8)
            if let text, text.hasSuffix("\n") { dialogue = pid_t(text.dropLast()) }
            return dialogue != nil
        }
        listener.end()
        // Who is killed takes no dialogue away.
        kill(try #require(dialogue), SIGKILL)
        #expect(signing.wait() != 0)
        #expect(try why(agent, "why=listener-gone"))

        listener = try Listener("exec sleep 600", agent)
        signing = try signer.begin()
        try agent.wait("the question") { listener.asked.count == 1 }
        signing.signal(SIGKILL)
        _ = signing.wait()
        // The dialogue goes away by itself.
        try agent.wait("the end of the dialogue") { listener.log.contains("too late") }
        #expect(try why(agent, "why=client-gone"))

        signing = try signer.begin()
        try agent.wait("the question") { listener.asked.count == 2 }
        _ = agent.stop()
        #expect(signing.wait() != 0)
        try agent.startServing()
        #expect(try why(agent, "why=stopping"))
        // It listens again, without being started again.
        try agent.wait("it listens again") { listener.log.components(separatedBy: "listening for").count == 3 }
        try listener.folder.write("askpass", "#!/bin/sh\nexit 0\n", mode: 0o755)
        #expect(try signer.sign(), "\(listener.log)")
    }

    @Test("an answer is waited for no longer than the configuration says")
    func timeLimit() throws {
        let agent = try TestAgent(more: "ssh: { confirm_seconds: 5 }", speaksSSH: true)
        let signer = try Signer("k", agent, marked: "each")
        let listener = try Listener("exec sleep 600", agent)
        let began = Date()
        #expect(try !signer.sign())
        #expect(Date().timeIntervalSince(began) >= 4)
        #expect(try why(agent, "why=no-answer"))
        try agent.wait("the end of the dialogue") { listener.log.contains("too late") }
    }

    @Test("a log-in to a real host is asked about with its name; terms of an administrator ask, and are read again")
    func logIn() throws {
        let server = try TestSSHServer(authorized: [])
        func terms(_ more: String) throws -> String {
            """
            ssh:
              hosts:
                - { name: build.example, keys: ["\(try server.hostKey())"] }
              keys:
                - { keys: [k], logins: [build.example], \(more) }
            """
        }
        let agent = try TestAgent(more: terms("confirm: each"), speaksSSH: true)
        let signer = try Signer("k", agent)
        try server.directory.write("authorized", signer.line + "\n")
        func logsIn() throws -> Bool { try server.ssh("echo here", agent: agent.sshSocketPath).text == "here\n" }
        #expect(try !logsIn())
        let listener = try Listener("while test -e hold; do sleep 0.05; done; echo yes", agent)
        #expect(try logsIn(), "\(agent.log)\(listener.log)")
        let question = try #require(listener.asked.first)
        #expect(question.contains("log in as \"\(TestSSHServer.user)\" at \"build.example\"?"), "\(question)")
        #expect(question.contains("Host key: SHA256:") && question.contains("/ssh\", process "), "\(question)")

        // What holds at the answer counts, not what held at the question.
        try listener.folder.write("hold", "")
        let text = try String(contentsOfFile: agent.configuration, encoding: .utf8)
        let waiting = try DispatchedLogin(server, agent)
        try agent.wait("the question") { listener.asked.count == 2 }
        try text.replacingOccurrences(
            of: terms("confirm: each"),
            with: terms("host_key: false").replacingOccurrences(
                of: "logins: [build.example]", with: "namespaces: [git]")
        ).write(toFile: agent.configuration, atomically: true, encoding: .utf8)
        agent.signal(SIGHUP)
        try agent.wait("the new terms") { agent.log.contains("the grants were read again") }
        try FileManager.default.removeItem(atPath: listener.folder.file("hold"))
        #expect(waiting.process.wait() != 0)
        #expect(try why(agent, "why=login-not-named"))
    }

    /// A log-in that has begun.
    private struct DispatchedLogin {
        let process: Subprocess

        init(_ server: TestSSHServer, _ agent: TestAgent) throws {
            process = try Subprocess(
                "ssh",
                TestSSHServer.options + [
                    "-o", "IdentityAgent=\(agent.sshSocketPath)", "-p", "\(server.port)",
                    "\(TestSSHServer.user)@127.0.0.1", "true",
                ])
        }
    }

    @Test(
        "once a session means once for all that a host asks through a forwarded agent, and again for the next session")
    func session() throws {
        let agent = try TestAgent(speaksSSH: true)
        let signer = try Signer("k", agent, marked: "session")
        let (bastion, inner) = (
            try TestSSHServer(authorized: [signer.line]), try TestSSHServer(authorized: [signer.line])
        )
        let listener = try Listener("true", agent)
        let options = TestSSHServer.options.joined(separator: " ")
        let onward = "ssh \(options) -p \(inner.port) \(TestSSHServer.user)@127.0.0.1 echo inside"
        let done = try bastion.ssh("\(onward) && \(onward)", agent: agent.sshSocketPath, options: ["-A"])
        #expect(done.text == "inside\ninside\n", "\(done.errors)\n\(agent.log)\n\(listener.log)")
        // The log-in at the bastion, and what came through the forwarded agent, together.
        let questions = listener.asked
        #expect(questions.count == 2 && questions.last?.contains("A yes holds for the rest") == true, "\(questions)")
        #expect(try why(agent, "hops=2 confirmed=session"))
        #expect(try bastion.ssh(onward, agent: agent.sshSocketPath, options: ["-A"]).text == "inside\n")
        #expect(listener.asked.count == 4)
        // Without a session each connection is asked about.
        #expect(try signer.sign() && signer.sign())
        #expect(listener.asked.count == 6)
    }

    @Test("what a host asks through a forwarded agent is said to come from it")
    func forwarded() throws {
        let agent = try TestAgent(speaksSSH: true)
        let signer = try Signer("k", agent, marked: "each")
        let bastion = try TestSSHServer(authorized: [signer.line])
        let listener = try Listener("case $1 in *forwarded*) exit 1;; esac", agent)
        try bastion.directory.write("k.pub", signer.line + "\n")
        let remote = "echo hello | ssh-keygen -Y sign -f \(bastion.directory.file("k.pub")) -n file"
        let done = try bastion.ssh(remote, agent: agent.sshSocketPath, options: ["-A"])
        #expect(done.status != 0 && !done.text.contains("BEGIN"), "\(done.text)")
        let question = try #require(listener.asked.last)
        #expect(question.contains("The agent is forwarded to \"SHA256:"), "\(question)")
        #expect(try why(agent, "why=said-no"))
    }

    @Test(
        "another user's question goes to their listener alone, and nobody else can answer it",
        .enabled(if: OtherUser.arePossible, "several users need root"))
    func otherUser() throws {
        let agent = try TestAgent(
            more: """
                grants:
                  - { to: ["unix:user:backup"], keys: [k], operations: [sign], ssh: { namespaces: [file], confirm: each } }
                """, speaksSSH: true)
        let signer = try Signer("k", agent)
        let listener = try Listener("true", agent)
        chmod(signer.directory.path, 0o755)
        let sign = ["ssh-keygen", "-Y", "sign", "-f", signer.key, "-n", "file"]
        func asBackup() throws -> Int32 {
            try run(
                "setpriv", ["--reuid", "34", "--regid", "34", "--clear-groups"] + sign, input: [1],
                environment: ["SSH_AUTH_SOCK": agent.sshSocketPath]
            ).status
        }
        // The owner's listener is not asked, and the owner is not either.
        #expect(try asBackup() != 0)
        #expect(try signer.sign())
        #expect(listener.asked.isEmpty)
        #expect(try why(agent, "why=no-listener"))
    }

    @Test("without an askpass program the question is asked on the terminal, and without both there is no listening")
    func terminal() throws {
        let agent = try TestAgent(speaksSSH: true)
        let signer = try Signer("k", agent, marked: "each")
        let none = ["SSH_ASKPASS": "", "DISPLAY": "", "WAYLAND_DISPLAY": ""]
        let dtactl = try Binary.path("dtactl")
        let refused = try run(
            dtactl, ["confirm", "--listen", "--socket", agent.socketPath], environment: none)
        #expect(refused.status == 1 && refused.errors.contains("SSH_ASKPASS"), "\(refused.errors)")
        #expect(try agent.dtactl("confirm").status == 2)

        // It types each answer when it is asked for one, and writes down what it sees.
        let typist = try signer.directory.write(
            "typist.py",
            """
            import os, pty, sys
            pid, terminal = pty.fork()
            if pid == 0: os.execv(sys.argv[1], [sys.argv[1], "confirm", "--listen", "--socket", sys.argv[2]])
            answers, seen = ["yes", "no", "y"], ""
            with open(sys.argv[3], "w") as log:
                while True:
                    try: text = os.read(terminal, 4096).decode()
                    except OSError: break
                    seen += text
                    log.write(text)
                    log.flush()
                    if seen.endswith("Type yes or no: ") and answers:
                        os.write(terminal, answers.pop(0).encode() + b"\\n")
            """)
        let log = signer.directory.file("terminal")
        let process = try Subprocess(
            "/usr/bin/python3", [typist, dtactl, agent.socketPath, log], environment: none)
        func shown() -> String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
        try agent.wait("it listens") { shown().contains("listening for questions; they are asked here") }
        #expect(try signer.sign(), "\(shown())")
        #expect(try !signer.sign())
        #expect(try !signer.sign())
        #expect(shown().contains("Allow key \"k\" to sign a message for \"file\"?"), "\(shown())")
        process.signal(SIGKILL)
    }
}
