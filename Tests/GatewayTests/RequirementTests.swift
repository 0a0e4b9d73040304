import Foundation
import TestSupport
import Testing

/// What users of Milagro D-TA 0.1 bring along, path by path, with as little in each request as a person would write.
@Suite("The interface as Milagro D-TA 0.1 has it", .ownThread, .serialized)
struct RequirementTests {
    private static let agent = Result {
        try TestAgent(more: "orders: { accept: [{ commit: auto, release: auto }] }")
    }
    private static let open =
        "authentication: { none: true }\nlimits: { requests_per_minute: 1000000, burst: 1000000 }\n"

    private func gateway(_ more: String) throws -> TestGateway {
        try TestGateway(agent: try Self.agent.get().socketPath, configuration: Self.open + more)
    }

    private func names(_ answer: HTTPExchange) -> Set<String> {
        let object = (try? JSONSerialization.jsonObject(with: Data(answer.body))) as? [String: Any]
        return Set((object ?? [:]).keys)
    }

    @Test("the gateway makes, lists, shows and redeems identities and orders with nothing but what is needed")
    func story() throws {
        let gateway = try gateway("orders: { principal: acme, fiduciary: bank, release_secrets: true }")
        let status = try gateway.request("/v1/status")
        #expect(status["application"] as? String == "D-TA" && status["apiVersion"] as? String == "v1")
        // Without a body, and without a name.
        let unnamed = try gateway.request("/v1/identity", ["-X", "POST"])
        #expect(unnamed.status == 200 && names(unnamed) == ["IDDocumentCID"])
        var cids: [String: String] = [:]
        for name in ["acme", "bank", "carol"] {
            cids[name] = try gateway.post("/v1/identity", #"{"Name":"\#(name)"}"#)["IDDocumentCID"] as? String
        }
        let carol = try #require(cids["carol"])
        #expect(try gateway.request("/v1/identity/\(carol)")["Name"] as? String == "carol")

        // An order for oneself, with nothing said at all; and one for a beneficiary, who alone is named then.
        let own = try gateway.post("/v1/order", "{}")
        #expect(
            own.status == 200 && names(own).isSuperset(of: ["OrderReference", "Commitment", "CreatedAt", "Extension"]))
        let body = #"{"BeneficiaryIDDocumentCID":"\#(carol)","Extension":{"note":"the will"}}"#
        let made = try gateway.post("/v1/order", body)
        #expect(made.status == 200, "\(made.text)")
        #expect(names(made).isSuperset(of: ["OrderReference", "Commitment", "CreatedAt", "Extension"]))
        #expect(made["Extension"] as? [String: String] == ["note": "the will"])
        #expect(made["BeneficiaryIDDocumentCID"] as? String == carol)
        let reference = try #require(made["OrderReference"] as? String)
        let shown = try gateway.request("/v1/order/\(reference)")
        #expect(shown["Redeemers"] as? [String] == [carol] && shown["Recipient"] as? String == carol)
        #expect(try gateway.request("/v1/order/\(reference.prefix(8))")["OrderReference"] as? String == reference)

        // Asked for as the beneficiary; and a second time, without saying as whom.
        let asked = #"{"OrderReference":"\#(reference)","BeneficiaryIDDocumentCID":"\#(carol)"}"#
        let secret = try gateway.post("/v1/order/secret", asked)
        #expect(names(secret) == ["Secret", "Commitment", "OrderReference", "Extension"], "\(secret.text)")
        #expect(secret["Commitment"] as? String == made["Commitment"] as? String)
        let again = try gateway.post("/v1/order/secret", #"{"orderreference":"\#(reference)"}"#)
        #expect(again["Secret"] as? String == secret["Secret"] as? String)
        // As somebody who may not.
        let other = try gateway.post("/v1/order", "{}")
        let foreign =
            #"{"OrderReference":"\#(try #require(other["OrderReference"] as? String))","BeneficiaryIDDocumentCID":"carol"}"#
        #expect(try gateway.post("/v1/order/secret", foreign).status == 403)
    }

    @Test("the gateway's lists have pages, in the order that is asked for, and their parameters may be left out")
    func pages() throws {
        let agent = try TestAgent(more: "orders: { accept: [{ commit: auto, release: auto }] }")
        let gateway = try TestGateway(
            agent: agent.socketPath, configuration: Self.open + "orders: { principal: acme, fiduciary: bank }")
        for name in ["acme", "bank"] {
            #expect(try gateway.post("/v1/identity", #"{"Name":"\#(name)"}"#).status == 200)
        }
        for _ in 0..<5 { #expect(try gateway.post("/v1/order", "{}").status == 200) }
        for path in ["/v1/order", "/v1/identity"] {
            func listed(_ query: String) throws -> [String] {
                let answer = try gateway.request(path + query)
                #expect(answer.status == 200, "\(answer.text)")
                if path == "/v1/order" { return answer["OrderReference"] as? [String] ?? [] }
                return (answer["IDDocumentList"] as? [[String: Any]] ?? []).compactMap {
                    $0["IDDocumentCID"] as? String
                }
            }
            let all = try listed("")
            #expect(all.count == (path == "/v1/order" ? 5 : 3))
            #expect(try listed("?sortBy=dateCreatedDesc") == all)
            #expect(try listed("?sortBy=dateCreatedAsc") == all.reversed())
            #expect(try (0..<3).flatMap { try listed("?page=\($0)&perPage=2") } == all)
            #expect(try listed("?page=9&perPage=2") == [])
            for wrong in ["?page=-1", "?perPage=0", "?perPage=101", "?sortBy=name", "?perpage=2", "?page=1x"] {
                #expect(try gateway.request(path + wrong).code == "INVALID_ARGUMENT", "\(path)\(wrong)")
            }
        }
    }

    @Test("a client that reads its answers too slowly is cut off")
    func slowReader() throws {
        let gateway = try TestGateway(
            agent: try Self.agent.get().socketPath,
            configuration:
                "authentication: { none: true }\nlimits: { requests_per_minute: 1000000, burst: 1000000, answer_ms: 500 }\nmetrics: { listen: \"127.0.0.1:0\" }"
        )
        func connections() throws -> Int? {
            let metrics = try gateway.request("http://\(gateway.addresses[1])/metrics").text
            return metrics.firstMatch(of: /\ndtagw_connections (\d+)/).flatMap { Int($0.1) }
        }
        let raw = try RawConnection(gateway.addresses[0])
        let request = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        raw.send(request)
        #expect(try raw.readAnswer().status == 200)
        // More than all buffers between us hold, asked for at once.
        let count = 2000
        for _ in 0..<count where !raw.send(request) { break }
        try eventually("the gateway to close the connection\n\(gateway.log)") {
            try connections() == 1  // that of the metrics
        }
        let answers = try raw.readToEnd().components(separatedBy: "HTTP/1.1 200 OK").count - 1
        #expect(answers < count, "\(answers)")
        #expect(try gateway.request("/healthz").status == 200)
    }

    @Test("an issuer's keys come from an https URL too, and new ones are found there")
    func keysByURL() throws {
        let (old, new) = (try TestIssuer(), try TestIssuer())
        let files = try TemporaryDirectory()
        let made = try run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj",
                "/CN=issuer", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", files.file("key.pem"), "-out",
                files.file("cert.pem"),
            ])
        #expect(made.status == 0, "\(made.errors)")
        try files.write("keys.json", try old.keySet())
        let program = """
            import functools, http.server, os, ssl, sys
            folder = sys.argv[1]
            class Handler(http.server.SimpleHTTPRequestHandler):
                def log_message(self, *_): pass
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
            with open(folder + "/port.tmp", "w") as file: file.write(str(server.server_address[1]))
            os.rename(folder + "/port.tmp", folder + "/port")
            server.serve_forever()
            """
        let server = try Subprocess("python3", ["-c", program, files.path])
        defer { server.signal(SIGKILL) }
        let agent = try Self.agent.get()
        try agent.wait("the issuer") { access(files.file("port"), F_OK) == 0 }
        let port = try String(contentsOfFile: files.file("port"), encoding: .utf8)
        func gateway(_ authority: String) throws -> TestGateway {
            try TestGateway(
                agent: agent.socketPath,
                configuration: """
                    authentication:
                      jwt:
                        issuer: "https://issuer.example"
                        audience: dta
                        jwks: "https://127.0.0.1:\(port)/keys.json"
                    \(authority)
                    """)
        }
        func ask(_ gateway: TestGateway, _ token: String) throws -> Int {
            try gateway.request("/v1/status", ["-H", "Authorization: Bearer \(token)"]).status
        }
        let trusting = try gateway("    ca_file: \(files.file("cert.pem"))")
        #expect(try ask(trusting, old.token()) == 200)
        try files.write("keys.json", try new.keySet().replacingOccurrences(of: #""kid":""#, with: #""kid":"new-"#))
        // Each attempt with a key that is not known yet counts as a guess.
        try agent.wait("the new keys", every: 300) {
            try ask(trusting, new.token(kid: "new-d")) == 200
        }
        #expect(try ask(trusting, old.token()) == 401)
        // An issuer whom nobody vouches for has no say, and no one gets in.
        #expect(try ask(try gateway(""), new.token(kid: "new-d")) == 503)
    }
}
