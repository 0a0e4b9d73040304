import AgentProtocol
import Foundation
import TestSupport
import Testing

@Suite("ssh with a key of the agent's", .ownThread)
struct SSHTests {
    @Test(
        "a person logs in to a real sshd with ssh -I p11-kit-proxy.so", .enabled(if: geteuid() == 0),
        arguments: [("p256", AgentKeyType.p256), ("p384", .p384), ("rsa", .rsa3072)])
    func logsIn(name: String, type: AgentKeyType) throws {
        let agent = try TestAgent()
        _ = try agent.client().call(.createKey(name, type: type), timeout: .seconds(150))
        let kit = try P11Kit(agent)
        let folder = try TemporaryDirectory()
        let keys = try kit.output(["ssh-keygen", "-D", P11Kit.proxy])
        try folder.write("authorized_keys", keys)
        try kit.output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder.file("host")])
        let server = try SSHServer(folder)
        var login: Finished?
        // Until sshd listens.
        try eventually("a log-in: \(login?.errors ?? "")", every: 100) {
            login = try kit.run([
                "ssh", "-F", "none", "-I", P11Kit.proxy, "-p", "\(server.port)", "-o", "StrictHostKeyChecking=no",
                "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "IdentityAgent=none",
                "root@127.0.0.1", "echo logged in",
            ])
            return login?.errors.contains("Connection refused") == false
        }
        #expect(login?.text == "logged in\n", "\(login?.errors ?? "")\n\(server.log)")
        let signed = try agent.client().call(.list(.auditList, count: 100)).lines.count { $0.contains("\"sign\"") }
        #expect(signed == 1)
    }
}

/// An sshd on a port of its own, which lets root in with the keys of a file.
final class SSHServer {
    let port: Int
    private let process: Subprocess
    private let folder: TemporaryDirectory

    init(_ folder: TemporaryDirectory) throws {
        self.folder = folder
        port = try FreePort.any()
        try folder.write(
            "sshd_config",
            """
            Port \(port)
            ListenAddress 127.0.0.1
            HostKey \(folder.file("host"))
            AuthorizedKeysFile \(folder.file("authorized_keys"))
            PidFile none
            UsePAM no
            StrictModes no
            PermitRootLogin prohibit-password
            PasswordAuthentication no
            KbdInteractiveAuthentication no

            """)
        try? FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        process = try Subprocess(
            "/usr/sbin/sshd", ["-D", "-e", "-f", folder.file("sshd_config"), "-E", folder.file("sshd.log")])
    }

    var log: String { (try? String(contentsOfFile: folder.file("sshd.log"), encoding: .utf8)) ?? "" }
}
