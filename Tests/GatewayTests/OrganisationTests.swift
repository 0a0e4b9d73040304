import DTASystem
import Foundation
import TestSupport
import Testing

/// Two organisations that know no more of each other than a CID and a URL, with dtactl as people use it.
@Suite("Between two organisations", .ownThread, .serialized)
struct OrganisationTests {
    private static let bank = Result { try TestHost().agent }
    private static let firm = Result { try TestHost().agent }

    private func identity(_ name: String, _ agent: TestAgent) throws -> String {
        try agent.client().call(.createIdentity(name), timeout: .seconds(120)).cid
    }

    @Test("an identity is trusted by its CID and the URL of its gateway, with all that became of it")
    func trust() throws {
        let (bank, firm) = (try Self.bank.get(), try Self.firm.get())
        let gateway = try TestGateway(agent: bank.socketPath)
        let first = try identity("bank", bank)
        // Without the gateway it says what helps.
        let missing = try firm.dtactl(["identity", "trust", first, "--as", "bank"])
        #expect(missing.status == 1 && missing.errors.contains("is not known here"), "\(missing.errors)")
        #expect(
            missing.errors.contains("identity import FILE") && missing.errors.contains("--at URL"), "\(missing.errors)")
        let trusted = try firm.dtactl(["identity", "trust", first, "--as", "bank", "--at", gateway.url()])
        #expect(trusted.status == 0 && trusted.text.hasPrefix("trusted: bank"), "\(trusted.errors)")
        // A second time nothing is fetched, and nobody needs to be there.
        gateway.stop()
        #expect(try firm.dtactl(["identity", "trust", first, "--as", "bank", "--at", gateway.url()]).status == 0)

        // One that was replaced comes with its successor.
        let other = try identity("vault", bank)
        let newer = try bank.client().call(.rotateIdentity("vault"), timeout: .seconds(120)).cid
        let again = try TestGateway(agent: bank.socketPath)
        #expect(try firm.dtactl(["identity", "trust", other, "--as", "vault", "--at", again.url()]).status == 0)
        let shown = try firm.dtactl(["--json", "identity", "show", "vault"])
        #expect(shown.text.contains(newer), "\(shown.text)")
        // In JSON nothing else is said.
        let third = try identity("json", bank)
        let json = try firm.dtactl(["--json", "identity", "trust", third, "--as", "json", "--at", again.url()])
        #expect(
            (try? JSONSerialization.jsonObject(with: Data(json.output))) != nil && json.errors.isEmpty, "\(json.errors)"
        )
    }

    @Test("a gateway gives out only its host's own identities, to those who name one, and nothing of them is believed")
    func givenOut() throws {
        let (bank, firm) = (try Self.bank.get(), try Self.firm.get())
        let issuer = try TestIssuer()
        // Nobody is asked who they are, though tokens are needed for all else.
        let gateway = try issuer.gateway(for: bank)
        let own = try identity("own", bank)
        let foreign = try identity("foreign", firm)
        let document = try firm.client().call(.getBlock(foreign)).data
        _ = try bank.client().call(.putBlock(document, contentType: "application/vnd.ipld.dag-cbor"))
        func fetch(_ cid: String) throws -> HTTPExchange { try gateway.request("/v1/courier/identity/\(cid)") }
        #expect(try fetch(own).status == 200)
        #expect(try fetch(own).headers["content-type"] == "application/vnd.ipld.car")
        #expect(try gateway.request("/v1/identity/\(own)").status == 401)
        // Whom the bank knows besides, and what else it has, nobody learns.
        let data = try bank.client().call(.putBlock(Data("{}".utf8), contentType: "application/vnd.ipld.raw")).cid
        let unknown = "bafyreiazyzlntgw2tlwvmcyx5xzv4jdrflzlwl63uwl5eu2y77otrt3kqi"
        let answers = try [foreign, unknown].map { try fetch($0) }
        for answer in answers { #expect(answer.status == 404 && answer.text == answers[0].text, "\(answer.text)") }
        for wrong in [data, "own", "", "../identity/\(own)"] {
            #expect([400, 404].contains(try fetch(wrong).status), "\(wrong)")
        }
        #expect(
            try firm.dtactl(["identity", "trust", unknown, "--as", "x", "--at", gateway.url()]).errors.contains(
                "of its own"))

        // A gateway that answers with another identity, with none, or with nonsense.
        let genuine = try fetch(own).body
        let directory = try TemporaryDirectory()
        for (name, body) in [
            ("other", genuine), ("cut", Array(genuine.dropLast(10))), ("nonsense", Array("nonsense".utf8)),
            ("empty", []),
        ] {
            let asked = name == "cut" ? own : unknown
            let liar = try Liar(directory, name, path: "v1/courier/identity/\(asked)", body)
            defer { liar.stop() }
            let refused = try firm.dtactl(["identity", "trust", asked, "--as", "liar", "--at", liar.url])
            #expect(refused.status == 1 && !refused.text.contains("trusted"), "\(name): \(refused.text)")
            #expect((try? firm.client().call(.getBlock(own, localOnly: true))) == nil, "\(name)")
        }
    }

    /// Another server that answers one path with some bytes.
    private struct Liar {
        let url: String
        private let process: Subprocess

        init(_ directory: TemporaryDirectory, _ name: String, path: String, _ body: [UInt8]) throws {
            let root = directory.file(name)
            try FileManager.default.createDirectory(
                atPath: "\(root)/\(path.split(separator: "/").dropLast().joined(separator: "/"))",
                withIntermediateDirectories: true)
            try Data(body).write(to: URL(fileURLWithPath: "\(root)/\(path)"))
            let program = """
                import functools, http.server, os, sys
                class Handler(http.server.SimpleHTTPRequestHandler):
                    def log_message(self, *_): pass
                server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
                with open(sys.argv[1] + "/port.tmp", "w") as file: file.write(str(server.server_address[1]))
                os.rename(sys.argv[1] + "/port.tmp", sys.argv[1] + "/port")
                server.serve_forever()
                """
            process = try Subprocess("python3", ["-c", program, root])
            try eventually("the server") { access("\(root)/port", F_OK) == 0 }
            url = "http://127.0.0.1:" + (try String(contentsOfFile: "\(root)/port", encoding: .utf8))
        }

        func stop() {
            process.signal(SIGKILL)
            _ = process.wait()
        }
    }

    // MARK: TLS

    /// What the page says under its heading: commands and files, each an indented block.
    private static func page() throws -> [String] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../docs/gateway.md")
        let text = try String(contentsOf: path, encoding: .utf8)
        let section = try #require(
            text.components(separatedBy: "## Between two organisations, with TLS").dropFirst().first
        )
        .components(separatedBy: "\n## ")[0]
        var blocks: [String] = []
        var isInside = false
        for line in section.components(separatedBy: "\n") {
            if line.hasPrefix("    ") {
                if !isInside { blocks.append("") }
                blocks[blocks.count - 1] += line.dropFirst(4) + "\n"
                isInside = true
            } else if !line.isEmpty {
                isInside = false
            }
        }
        return blocks
    }

    @Test("two organisations follow the page, and speak over TLS with certificates of their own making")
    func tls() throws {
        let (bank, firm) = (try Self.bank.get(), try TestHost().agent)
        let directory = try TemporaryDirectory()
        let blocks = try Self.page()
        for block in blocks where block.hasPrefix("openssl ") || block.hasPrefix("printf ") {
            let done = try run(
                "sh",
                [
                    "-e", "-c",
                    "cd \(directory.path)\n" + block.replacingOccurrences(of: "bank.example", with: "localhost"),
                ])
            #expect(done.status == 0, "\(block)\n\(done.errors)")
        }
        // Where the page puts files, and where they are here.
        let installed = [
            "/etc/dtad/gateway.pem": "gateway.pem", "/run/credentials/dtagw.service/tls-key": "gateway-key.pem",
            "/etc/dtad/peers.pem": "authority.pem",
        ]
        var yaml = try #require(blocks.first { $0.contains("tls:\n") && $0.contains("peers:") })
        for (place, file) in installed {
            #expect(yaml.contains(place))
            yaml = yaml.replacingOccurrences(of: place, with: directory.file(file))
        }
        yaml = yaml.split(separator: "\n").filter { !$0.hasPrefix("agent:") }.joined(separator: "\n")
        let gateway = try TestGateway(agent: bank.socketPath, configuration: yaml)
        let port = gateway.addresses[0].split(separator: ":")[1]
        let cid = try identity("tls-bank", bank)
        let commands = blocks.flatMap {
            $0.replacingOccurrences(of: "\\\n", with: " ").split(separator: "\n").map(String.init)
        }
        .filter { $0.contains("https://bank.example:8440") && ($0.hasPrefix("curl ") || $0.hasPrefix("dtactl ")) }
        #expect(commands.count >= 2)
        for command in commands {
            let real = command.replacingOccurrences(of: "bank.example:8440", with: "localhost:\(port)")
                .replacingOccurrences(of: " CID ", with: " \(cid) ")
                .replacingOccurrences(of: "dtactl ", with: "\(try Binary.path("dtactl")) --socket \(firm.socketPath) ")
            let done = try run("sh", ["-c", "cd \(directory.path) && \(real)"])
            #expect(done.status == 0 && !done.text.contains("\"error\""), "\(real)\n\(done.text)\n\(done.errors)")
        }
        // What the units get is what the page says.
        let credential = try #require(blocks.first { $0.contains("LoadCredential=") })
        #expect(credential.contains("LoadCredential=tls-key:/etc/dtad/tls-key.pem"))
        #expect(blocks.contains { $0.contains("[Socket]\nListenStream=\nListenStream=") })

        // dtagw check says all of it.
        let check = try run(try Binary.path("dtagw"), ["check", "--config", gateway.directory.file("dtagw.yaml")])
        #expect(check.status == 0, "\(check.text)")
        for line in [
            "ok    TLS            the certificate ", "ok    peers          1 in ",
            "ok    who may ask    peers, to carry",
        ] {
            #expect(check.text.contains(line), "\(check.text)")
        }

        // What goes wrong is said in words that help.
        let ca = ["--ca-file", directory.file("authority.pem")]
        let mine = ["--client-cert", directory.file("client.pem"), "--client-key", directory.file("client-key.pem")]
        let fresh = try identity("tls-errors", bank)
        func refusal(_ url: String, _ more: [String]) throws -> String {
            let done = try firm.dtactl(["identity", "trust", fresh, "--as", "tls-errors", "--at", url] + more)
            #expect(done.status == 1, "\(url) \(more)")
            return done.errors
        }
        let url = "https://localhost:\(port)"
        for (url, more, words) in [
            (url, ca, ["asks for a certificate of ours", "hint: --client-cert"]),
            (url, mine, ["by an authority that is not known here", "hint: --ca-file"]),
            ("https://127.0.0.1:\(port)", ca + mine, ["for another host", "hint: use the host name"]),
            (
                url,
                ca + [
                    "--client-cert", directory.file("gateway.pem"), "--client-key", directory.file("client-key.pem"),
                ], ["own certificate or its key", "hint: --client-cert"]
            ),
            (url, ["--ca-file", "/nonexistent"] + mine, ["file with the authorities", "hint: --ca-file"]),
        ] {
            let said = try refusal(url, more)
            for word in words { #expect(said.contains(word), "\(more): \(said)") }
        }
        try directory.write("stranger.ext", "basicConstraints=CA:FALSE\n")
        func openssl(_ words: String) throws {
            let done = try run("sh", ["-c", "cd \(directory.path) && openssl \(words)"])
            guard done.status == 0 else { throw TestFailure(done.errors) }
        }
        let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        try openssl("req -x509 \(ec) -days 2 -subj /CN=stranger -keyout stranger-key.pem -out stranger.pem")
        let foreign = try refusal(
            url,
            ca + ["--client-cert", directory.file("stranger.pem"), "--client-key", directory.file("stranger-key.pem")])
        #expect(
            foreign.contains("does not accept the certificate") && foreign.contains("hint: --client-cert"), "\(foreign)"
        )
        // A certificate that has expired, and a server without TLS.
        try openssl(
            "req \(ec) -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout old-key.pem -out old.csr")
        try openssl(
            "x509 -req -in old.csr -CA authority.pem -CAkey authority-key.pem -CAcreateserial -copy_extensions copy -days -1 -out old.pem"
        )
        let late =
            "tls: { certificate: \(directory.file("old.pem")), key: \(directory.file("old-key.pem")), peers: \(directory.file("authority.pem")) }"
        let old = try TestGateway(agent: bank.socketPath, configuration: late)
        let expired = try refusal(
            old.url(scheme: "https").replacingOccurrences(of: "127.0.0.1", with: "localhost"), ca + mine)
        #expect(expired.contains("has expired") && expired.contains("clock"), "\(expired)")
        let lateCheck = try run(try Binary.path("dtagw"), ["check", "--config", old.directory.file("dtagw.yaml")])
        #expect(
            lateCheck.status == 1 && lateCheck.text.contains("FAIL  TLS") && lateCheck.text.contains("expired at"),
            "\(lateCheck.text)")
        let plain = try TestGateway(agent: bank.socketPath)
        let noTLS = try refusal(plain.url(scheme: "https"), [])
        #expect(noTLS.contains("does not speak TLS") && noTLS.contains("http://"), "\(noTLS)")
    }
}
