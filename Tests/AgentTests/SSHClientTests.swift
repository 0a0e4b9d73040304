import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// Other people's implementations of SSH, from PyPI.
private enum Clients {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../..").standardizedFileURL.path

    static var areThere: Bool {
        TestSSHServer.isThere && access(root + "/.build/python/requirements.txt", R_OK) == 0
    }

    /// Logs in and runs a command.
    static func logIn(_ client: String, _ agent: TestAgent, _ server: TestSSHServer) throws -> Finished {
        try run(
            root + "/.build/python/bin/python",
            [
                "-B", root + "/Tests/interop/ssh_clients.py", client, agent.sshSocketPath, "\(server.port)",
                TestSSHServer.user,
            ])
    }
}

@Suite(
    "Other SSH clients on ssh.sock", .ownThread,
    .enabled(if: Clients.areThere, "needs openssh-server and the environment that Scripts/python makes"))
struct SSHClientTests {
    @Test(
        "asyncssh and paramiko log in with a key of each type that has no terms, or terms for all log-ins",
        arguments: ["asyncssh", "paramiko"])
    func logsIn(client: String) throws {
        let server = try TestSSHServer(authorized: [])
        let agent = try TestAgent(
            more: """
                ssh:
                  hosts:
                    - { name: here, keys: ["\(server.hostKey())"] }
                  keys:
                    - { keys: [any], logins: ["*"] }
                    - { keys: [bound], logins: ["\(TestSSHServer.user)@here"] }
                """, speaksSSH: true)
        for (name, type, works) in [
            ("plain", AgentKeyType.ed25519, true), ("p256", .p256, true), ("p384", .p384, true),
            ("any", .ed25519, true),
            // These clients tell no host.
            ("bound", .ed25519, false),
        ] {
            _ = try agent.client().call(.createKey(name, type: type), timeout: .seconds(60))
            try server.directory.write("authorized", agent.dtactl("ssh", "authorized-key", name).text)
            let done = try Clients.logIn(client, agent, server)
            #expect((done.text == "here\n") == works, "\(name): \(done.text) \(done.errors)\n\(agent.log)")
        }
        let refused = try agent.client().call(.list(.auditList, count: 100)).lines.filter { $0.contains("why=unbound") }
        #expect(!refused.isEmpty)
        // ssh itself does.
        #expect(try server.ssh("echo here", agent: agent.sshSocketPath).text == "here\n")
    }
}
