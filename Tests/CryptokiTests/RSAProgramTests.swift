import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Programs with RSA keys of the agent's, by p11-kit", .ownThread)
struct RSAProgramTests {
    private let agent: TestAgent
    private let kit: P11Kit
    private let folder: TemporaryDirectory

    init() throws {
        agent = try TestAgent()
        _ = try agent.client().call(.createKey("web", type: .rsa3072), timeout: .seconds(150))
        kit = try P11Kit(agent, arguments: ["--wait", "60"])
        folder = try TemporaryDirectory()
        chmod(folder.path, 0o755)
    }

    private static let uri = "pkcs11:token=D-TA;object=web;type=private"

    private func engine(_ option: String) -> [String] {
        ["-engine", "pkcs11", "-keyform", "engine", option, RSAProgramTests.uri]
    }

    /// The public half, in DER.
    private func publicHalf(_ name: String = "web") throws -> String {
        try folder.write("\(name).pub", [UInt8](agent.client().call(.showKey(name)).keys[0].publicKey))
    }

    private func certificate() throws -> String {
        let file = folder.file("web.pem")
        try kit.output(
            ["openssl", "req", "-new", "-x509", "-days", "2", "-subj", "/CN=localhost", "-out", file] + engine("-key"))
        chmod(file, 0o644)
        return file
    }

    @Test("pkcs11-tool makes an RSA key, lists it, signs by PKCS#1 and PSS, and decrypts by OAEP")
    func pkcs11Tool() throws {
        _ = try kit.pkcs11Tool(["--keypairgen", "--key-type", "rsa:3072", "--label", "made"])
        let objects = try kit.pkcs11Tool(["-O"])
        #expect(objects.contains("Public Key Object; RSA 3072 bits\n  label:      made"), "\(objects)")
        #expect(objects.contains("Private Key Object; RSA"))
        let id = try kit.id(of: "made")
        let half = try publicHalf("made")
        let read = folder.file("read.der")
        _ = try kit.pkcs11Tool(["--read-object", "--type", "pubkey", "--id", id, "--output-file", read])
        #expect(try Data(contentsOf: URL(fileURLWithPath: read)) == Data(contentsOf: URL(fileURLWithPath: half)))

        let message = try folder.write("message", "what is signed")
        let digest = folder.file("digest")
        try kit.output(["openssl", "dgst", "-sha256", "-binary", "-out", digest, message])
        let signature = folder.file("signature")
        let pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]
        let ways: [(options: [String], input: String, verified: [String])] = [
            (["--mechanism", "SHA256-RSA-PKCS"], message, []),
            (
                [
                    "--mechanism", "RSA-PKCS-PSS", "--hash-algorithm", "SHA256", "--mgf", "MGF1-SHA256", "--salt-len",
                    "32",
                ],
                digest, pss
            ),
        ]
        for way in ways {
            let files = ["--id", id, "--input-file", way.input]
            _ = try kit.pkcs11Tool(["--sign"] + way.options + files + ["--output-file", signature])
            let verified = try kit.output(
                ["openssl", "dgst", "-sha256", "-verify", half, "-keyform", "DER", "-signature", signature]
                    + way.verified + [message])
            #expect(verified.contains("Verified OK"))
            let own = try kit.pkcs11Tool(["--verify"] + way.options + files + ["--signature-file", signature])
            #expect(own.contains("Signature is valid"))
        }
        let sealed = folder.file("sealed")
        try kit.output(
            [
                "openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", half, "-keyform", "DER", "-in", message, "-out",
                sealed,
            ]
                + oaep)
        let opened = folder.file("opened")
        _ = try kit.pkcs11Tool([
            "--decrypt", "--mechanism", "RSA-PKCS-OAEP", "--hash-algorithm", "SHA256", "--mgf", "MGF1-SHA256", "--id",
            id, "--input-file", sealed, "--output-file", opened,
        ])
        #expect(try String(contentsOfFile: opened, encoding: .utf8) == "what is signed")
        let refused = try kit.run([
            "pkcs11-tool", "--module", P11Kit.proxy, "--decrypt", "--mechanism", "RSA-PKCS", "--id", id, "--input-file",
            sealed, "--output-file", opened,
        ])
        #expect(refused.status != 0 && refused.errors.contains("CKR_MECHANISM_INVALID"), "\(refused.errors)")
    }

    private let oaep = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"]

    @Test("p11tool makes an RSA key and tests it")
    func p11tool() throws {
        try kit.output([
            "p11tool", "--generate-rsa", "--bits", "3072", "--label", "made", "--outfile", folder.file("made.pub"),
            "pkcs11:token=D-TA",
        ])
        try kit.output(["p11tool", "--test-sign", "pkcs11:token=D-TA;object=made;type=private"])
        let exported = try kit.output(["p11tool", "--export", "pkcs11:token=D-TA;object=made;type=public"])
        let spki = try agent.client().call(.showKey("made")).keys[0].publicKey
        #expect(exported.replacing("\n", with: "").contains(spki.base64EncodedString()))
    }

    @Test("OpenSSL's engine signs requests and CMS messages by PKCS#1 and PSS, and cannot decrypt by PKCS#1")
    func openSSL() throws {
        let file = try certificate()
        let pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
        for options in [[], ["-sha512"], pss] {
            let request = folder.file("request.pem")
            try kit.output(
                ["openssl", "req", "-new", "-subj", "/CN=localhost", "-out", request] + options + engine("-key"))
            let verified = try kit.run(["openssl", "req", "-in", request, "-verify", "-noout"])
            #expect(verified.status == 0 && (verified.text + verified.errors).contains("verify OK"))
        }
        let message = try folder.write("message", "what is signed")
        let signed = folder.file("signed.pem")
        for options in [[], ["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest"]] {
            try kit.output(
                ["openssl", "cms", "-sign", "-nodetach", "-in", message, "-signer", file, "-outform", "PEM", "-out"]
                    + [signed] + engine("-inkey") + options)
            let read = try kit.output([
                "openssl", "cms", "-verify", "-in", signed, "-inform", "PEM", "-CAfile", file, "-purpose", "any",
            ])
            #expect(read.contains("what is signed"))
        }
        // What cms -encrypt does without more options.
        let sealed = folder.file("sealed")
        try kit.output(["openssl", "cms", "-encrypt", "-in", message, "-outform", "PEM", "-out", sealed, file])
        let before = try decryptions()
        let refused = try kit.run(
            ["openssl", "cms", "-decrypt", "-in", sealed, "-inform", "PEM", "-recip", file] + engine("-inkey"))
        #expect(refused.status != 0 && !refused.text.contains("what is signed"), "\(refused.text)")
        #expect(try decryptions() == before)
        // And by OAEP.
        try kit.output(
            ["openssl", "cms", "-encrypt", "-in", message, "-outform", "PEM", "-out", sealed, "-recip", file]
                + ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"])
        let opened = try kit.output(
            ["openssl", "cms", "-decrypt", "-in", sealed, "-inform", "PEM", "-recip", file] + engine("-inkey"))
        #expect(opened.contains("what is signed"))
        #expect(try decryptions() == before + 1)
    }

    private func decryptions() throws -> Int {
        try agent.client().call(.list(.auditList, count: 1000)).lines.count { $0.contains("\"decrypt\"") }
    }

    @Test("OpenSSL's s_server and gnutls-serv serve TLS 1.3 and 1.2 with an RSA key")
    func servers() throws {
        let file = try certificate()
        let stored = try run(
            try Binary.path("dtactl"), ["key", "certificate", "add", "web", file, "--socket", agent.socketPath])
        #expect(stored.status == 0, "\(stored.errors)")
        let commands: [(Int) -> [String]] = [
            { port in ["openssl", "s_server", "-accept", "\(port)", "-cert", file, "-www"] + engine("-key") },
            { port in
                [
                    "gnutls-serv", "--http", "--port", "\(port)", "--x509certfile", file, "--x509keyfile",
                    RSAProgramTests.uri,
                ]
            },
        ]
        for command in commands {
            let port = try FreePort.any()
            let whole = kit.prefix + command(port)
            let log = open(folder.file("log"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            defer { close(log) }
            let server = try Subprocess(whole[0], Array(whole.dropFirst()), descriptors: [1: log, 2: log])
            defer {
                server.signal(SIGTERM)
                _ = server.wait()
            }
            for (priority, scheme) in [
                ("NORMAL:-VERS-ALL:+VERS-TLS1.3", "RSA-PSS-RSAE-SHA256"), ("NORMAL:-VERS-ALL:+VERS-TLS1.2", "RSA"),
                ("NORMAL:-VERS-ALL:+VERS-TLS1.2:-SIGN-ALL:+SIGN-RSA-SHA256", "RSA-SHA256"),
            ] {
                var client: Finished?
                try eventually("TLS: \(client?.errors ?? "") \(said())", every: 100) {
                    client = try run(
                        "gnutls-cli", ["--priority", priority, "--x509cafile", file, "-p", "\(port)", "localhost"])
                    return client?.text.contains("Handshake was completed") == true
                }
                #expect(client?.text.contains("The certificate is trusted") == true)
                #expect(client?.text.contains(scheme) == true, "\(client?.text ?? "")")
            }
        }
    }

    private func said() -> String { (try? String(contentsOfFile: folder.file("log"), encoding: .utf8)) ?? "" }

    @Test("NSS lists an RSA key and signs a request")
    func nss() throws {
        let verified = try kit.requestByNSS("rsa", key: "web", in: folder)
        #expect(verified.status == 0 && (verified.text + verified.errors).contains("verify OK"))
    }
}
