import AgentProtocol
import Foundation
import TestSupport
import Testing

@Suite("TLS and certificates with keys of the agent's", .ownThread)
struct ProgramTests {
    private let agent: TestAgent
    private let kit: P11Kit
    private let folder: TemporaryDirectory

    init() throws {
        agent = try TestAgent()
        // An Ed25519 key must not be in the way of other programs.
        for (name, type) in [("ed", AgentKeyType.ed25519), ("ca", .p384), ("web", .p256)] {
            _ = try agent.client().call(.createKey(name, type: type), timeout: .seconds(120))
        }
        kit = try P11Kit(agent, arguments: ["--wait", "60"])
        folder = try TemporaryDirectory()
        // Servers run as other users.
        chmod(folder.path, 0o755)
    }

    private func uri(_ name: String) -> String { "pkcs11:token=D-TA;object=\(name);type=private" }

    private func engine(_ option: String, _ name: String) -> [String] {
        ["-engine", "pkcs11", option == "-CAkey" ? "-CAkeyform" : "-keyform", "engine", option, uri(name)]
    }

    /// A certificate of a key that it signs itself.
    private func certificate(_ name: String, subject: String) throws -> String {
        let file = folder.file("\(name).pem")
        try kit.output(
            ["openssl", "req", "-new", "-x509", "-days", "2", "-subj", subject, "-out", file] + engine("-key", name))
        chmod(file, 0o644)
        return file
    }

    @Test("OpenSSL's engine signs requests, certificates and CMS messages")
    func openSSL() throws {
        let ca = try certificate("ca", subject: "/CN=ca")
        let request = folder.file("request.pem")
        try kit.output(["openssl", "req", "-new", "-subj", "/CN=localhost", "-out", request] + engine("-key", "web"))
        let leaf = folder.file("leaf.pem")
        try kit.output(
            ["openssl", "x509", "-req", "-in", request, "-CA", ca, "-days", "2", "-set_serial", "7", "-out", leaf]
                + engine("-CAkey", "ca"))
        let verified = try kit.output(["openssl", "verify", "-CAfile", ca, leaf])
        #expect(verified.contains("leaf.pem: OK"))
        let message = try folder.write("message", "what is signed")
        let signed = folder.file("signed.pem")
        try kit.output(
            [
                "openssl", "cms", "-sign", "-nodetach", "-in", message, "-signer", leaf, "-outform", "PEM", "-out",
                signed,
            ]
                + engine("-inkey", "web"))
        let read = try kit.output([
            "openssl", "cms", "-verify", "-in", signed, "-inform", "PEM", "-CAfile", ca, "-purpose", "any",
        ])
        #expect(read.contains("what is signed"))
    }

    @Test("OpenSSL's s_server and gnutls-serv serve TLS")
    func servers() throws {
        let file = try certificate("web", subject: "/CN=localhost")
        let commands: [(Int) -> [String]] = [
            { port in
                ["openssl", "s_server", "-accept", "\(port)", "-cert", file, "-www"] + engine("-key", "web")
            },
            { port in
                ["gnutls-serv", "--http", "--port", "\(port)", "--x509certfile", file, "--x509keyfile", uri("web")]
            },
        ]
        for command in commands {
            let port = try FreePort.any()
            let whole = kit.prefix + command(port)
            let log = open(folder.file("log"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            defer { close(log) }
            let server = try Subprocess(whole[0], Array(whole.dropFirst()), descriptors: [1: log, 2: log])
            var client: Finished?
            try eventually("TLS: \(client?.errors ?? "") \(said())", every: 100) {
                client = try run("gnutls-cli", ["--x509cafile", file, "-p", "\(port)", "localhost"])
                return client?.text.contains("Handshake was completed") == true
            }
            #expect(client?.text.contains("The certificate is trusted") == true)
            server.signal(SIGTERM)
            _ = server.wait()
        }
    }

    private func said() -> String { (try? String(contentsOfFile: folder.file("log"), encoding: .utf8)) ?? "" }

    @Test("NSS lists the keys and signs a request")
    func nss() throws {
        let verified = try kit.requestByNSS("ec", key: "web", in: folder)
        #expect(verified.status == 0 && (verified.text + verified.errors).contains("verify OK"))
    }

    @Test(
        "nginx serves TLS from its workers, each a user with a grant, while the agent restarts",
        .enabled(if: OtherUser.arePossible))
    func nginx() throws {
        _ = try agent.client().call(.deleteKey("web"))
        // Of a third user, so that it is called the same by both.
        let made = try OtherUser.list.run("agent.create_key(\"web\", \"p256\")", on: agent)
        #expect(made.isEmpty, "\(made)")
        try agent.addConfiguration(
            """
            grants:
              - to: ["unix:user:root"]
                keys: ["web"]
                operations: [sign, public]
              - to: ["unix:user:www-data"]
                keys: ["web"]
                operations: [sign, public]
            """)
        agent.stop()
        try agent.startServing()
        let file = folder.file("web.pem")
        try kit.output(
            ["openssl", "req", "-new", "-x509", "-days", "2", "-subj", "/CN=localhost", "-out", file]
                + engine("-key", "list%2Fweb"))
        let port = try FreePort.any()
        let configuration = try folder.write(
            "nginx.conf",
            """
            daemon off;
            user www-data root;
            worker_processes 2;
            pid \(folder.file("pid"));
            error_log \(folder.file("log"));
            ssl_engine pkcs11;
            events { worker_connections 64; }
            http {
                access_log off;
                ssl_session_cache off;
                ssl_session_tickets off;
                server {
                    listen 127.0.0.1:\(port) ssl;
                    ssl_certificate \(file);
                    ssl_certificate_key "engine:pkcs11:\(uri("list%2Fweb"))";
                    location / { return 200 "served\\n"; }
                }
            }

            """)
        let command = kit.prefix + ["/usr/sbin/nginx", "-c", configuration]
        let server = try Subprocess(command[0], Array(command.dropFirst()))
        defer {
            server.signal(SIGTERM)
            _ = server.wait()
        }
        func get() throws -> Finished {
            try run("curl", ["-s", "-S", "--cacert", file, "https://localhost:\(port)/", "--max-time", "60"])
        }
        try eventually("nginx: \(said())", every: 100) { try get().text == "served\n" }
        // The socket of an agent that was just started is open to its group, which is root's here.
        // Clients that go on while the agent is away for a moment.
        let script =
            "i=0; while [ $i -lt 40 ]; do curl -s -S --cacert \(file) --max-time 60 https://localhost:\(port)/; i=$((i+1)); done"
        let out = open(folder.file("out"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(out) }
        let clients = try (0..<4).map { _ in
            try Subprocess("/bin/sh", ["-c", script], descriptors: [1: out, 2: out])
        }
        agent.stop()
        try agent.startServing()
        for client in clients { #expect(client.wait() == 0) }
        let answers = try String(contentsOfFile: folder.file("out"), encoding: .utf8)
        #expect(answers == String(repeating: "served\n", count: 160), "\(answers)\n\(said())")
        let records = try agent.client().call(.list(.auditList, count: 1000)).lines
        #expect(records.contains { $0.contains("\"sign\"") && $0.contains("www-data") })
    }
}
