import Foundation
import TestSupport
import Testing

/// A real gateway beside a real agent, asked with curl.
@Suite("The gateway", .ownThread, .serialized)
struct GatewayTests {
    private static let agent = Result { try TestAgent() }

    private func gateway(
        _ configuration: String = "authentication: { none: true }", files: [String: String] = [:]
    ) throws -> TestGateway {
        try TestGateway(agent: try Self.agent.get().socketPath, configuration: configuration, files: files)
    }

    @Test("the gateway makes identities, lists them in pages and shows them")
    func identities() throws {
        let agent = try TestAgent()
        let gateway = try TestGateway(agent: agent.socketPath)
        let made = try gateway.post("/v1/identity", #"{"Name":"alice"}"#)
        #expect(made.status == 200)
        let cid = try #require(made["IDDocumentCID"] as? String)
        #expect(try gateway.post("/v1/identity", #"{"name":"alice"}"#).code == "FAILED_PRECONDITION")
        // Names may be left out; and so may the whole body.
        #expect(try gateway.post("/v1/identity", "{}").status == 200)
        #expect(try gateway.request("/v1/identity", ["-X", "POST"]).status == 200)

        // The agent has an identity of its own besides.
        func names(_ query: String) throws -> [String] {
            let list = try gateway.request("/v1/identity?\(query)")["IDDocumentList"] as? [[String: Any]] ?? []
            return list.compactMap { $0["Name"] as? String }
        }
        let all = try names("sortBy=dateCreatedAsc")
        #expect(all.filter { $0 != "agent" }.count == 3 && all.contains("alice"))
        #expect(try (0...all.count).flatMap { try names("perPage=1&sortBy=dateCreatedAsc&page=\($0)") } == all)
        #expect(try names("sortBy=dateCreatedDesc") == all.reversed())

        let shown = try gateway.request("/v1/identity/\(cid)")
        #expect(shown["Name"] as? String == "alice" && shown["Own"] as? Bool == true)
        let document = try #require((shown["Document"] as? String).flatMap { Data(base64Encoded: $0) })
        #expect(document.count > 100)
        let other = "b" + String(cid.dropFirst()).replacingOccurrences(of: cid.suffix(5), with: "aaaaa")
        #expect([404, 400].contains(try gateway.request("/v1/identity/\(other)").status))
    }

    @Test("what is wrong with a request is answered with its status and its code")
    func refusals() throws {
        let gateway = try gateway()
        let json = ["-H", "Content-Type: application/json", "--data-binary"]
        for (path, arguments, status, code) in [
            ("/v1/nothing", [], 404, "NOT_FOUND"), ("/", [], 404, "NOT_FOUND"), ("/v1/identity/", [], 404, "NOT_FOUND"),
            ("/v1/status", ["-X", "DELETE"], 405, "METHOD_NOT_ALLOWED"),
            ("/v1/identity", json + ["{"], 400, "INVALID_ARGUMENT"),
            ("/v1/identity", json + ["[]"], 400, "INVALID_ARGUMENT"),
            ("/v1/identity", json + [#"{"Name":5}"#], 400, "INVALID_ARGUMENT"),
            ("/v1/identity", json + [#"{"Name":"a","name":"b"}"#], 400, "INVALID_ARGUMENT"),
            ("/v1/identity", json + [#"{"Name":"../../x"}"#], 400, "INVALID_ARGUMENT"),
            ("/v1/identity", json + [#"{"Nmae":"a"}"#], 400, "INVALID_ARGUMENT"),
            ("/v1/identity", ["-d", #"{"Name":"a"}"#], 415, "UNSUPPORTED_MEDIA_TYPE"),
            ("/v1/identity?page=-1", [], 400, "INVALID_ARGUMENT"),
            ("/v1/identity?page=1&page=2", [], 400, "INVALID_ARGUMENT"),
            ("/v1/identity?perPage=0", [], 400, "INVALID_ARGUMENT"),
            ("/v1/identity?pageSize=1", [], 400, "INVALID_ARGUMENT"),
            ("/v1/identity?page=%zz", [], 400, "INVALID_ARGUMENT"),
            ("/v1/identity?sortBy=name", [], 400, "INVALID_ARGUMENT"),
            ("/v1/identity/abc", [], 400, "INVALID_ARGUMENT"), ("/v1/order/ABCDEFGHIJ", [], 400, "INVALID_ARGUMENT"),
            ("/v1/order/secret", json + [#"{"OrderReference":"aaaaaaaa"}"#], 403, "PERMISSION_DENIED"),
            ("/v1/fulfill/order", json + ["{}"], 400, "INVALID_ARGUMENT"),
            ("/v1/fulfill/order", json + [#"{"OrderPart1CID":"bafy"}"#], 400, "INVALID_ARGUMENT"),
            (
                "/v1/courier", ["-H", "Content-Type: application/vnd.ipld.car", "--data-binary", "nonsense"], 400,
                "INVALID_ARGUMENT"
            ),
            ("/v1/courier", ["-X", "POST", "-H", "Content-Type: application/vnd.ipld.car"], 400, "INVALID_ARGUMENT"),
            ("/v1/courier", json + ["{}"], 415, "UNSUPPORTED_MEDIA_TYPE"),
            // One thing has one path.
            ("/v1/../v1/status", [], 404, "NOT_FOUND"), ("/v1//status", [], 404, "NOT_FOUND"),
            ("//v1/status", [], 404, "NOT_FOUND"),
            ("/v1/%73tatus", [], 404, "NOT_FOUND"), ("/v1/status/", [], 404, "NOT_FOUND"),
            ("/V1/status", [], 404, "NOT_FOUND"),
            ("/v1/identity/..%2f..%2fetc%2fpasswd", [], 400, "INVALID_ARGUMENT"),
            ("/docs/../../etc/passwd", [], 404, "NOT_FOUND"),
            ("/docs/docs.css%00", [], 404, "NOT_FOUND"),
        ] as [(String, [String], Int, String)] {
            let answer = try gateway.request(path, arguments)
            #expect(
                answer.status == status && answer.code == code, "\(path) \(arguments): \(answer.status) \(answer.text)")
            #expect(answer.headers["content-type"] == "application/json")
        }
        #expect(try gateway.request("/v1/identity", ["-X", "PUT"]).headers["allow"] == "POST, GET, HEAD")
        #expect(try gateway.request("/v1/status", ["--head"]).status == 200)
    }

    @Test("a body that is too large is refused, whether it says so or not, and nothing more of it is read")
    func largeBodies() throws {
        let gateway = try gateway("authentication: { none: true }\nlimits: { body_bytes: 2048 }")
        let directory = try TemporaryDirectory()
        let file = try directory.write("body", [UInt8](repeating: 0x20, count: 1 << 20))
        let json = ["-H", "Content-Type: application/json", "--data-binary", "@\(file)"]
        for more in [[], ["-H", "Transfer-Encoding: chunked"]] {
            let answer = try gateway.request("/v1/identity", json + more)
            #expect(answer.status == 413 && answer.code == "TOO_LARGE" && answer.headers["connection"] == "close")
        }
        let car = try directory.write("car", [UInt8](repeating: 0, count: (16 << 20) + 1))
        let answer = try gateway.request(
            "/v1/courier", ["-H", "Content-Type: application/vnd.ipld.car", "--data-binary", "@\(car)"])
        #expect(answer.status == 413)
    }

    @Test("a client that sends its request slowly, or reads slowly, is cut off; and what is no HTTP is told so")
    func slowClients() throws {
        let gateway = try gateway(
            "authentication: { none: true }\nlimits: { idle_ms: 500, body_ms: 500, head_bytes: 2048 }")
        // A byte now and then is no excuse.
        let trickle = try RawConnection(gateway.addresses[0])
        trickle.send("GET /v1/status HTTP/1.1\r\n")
        var taken = 0
        while taken < 600, trickle.send("X") {
            taken += 1
            usleep(50_000)  // pause: a byte now and then
        }
        #expect(taken < 600)
        let body = try RawConnection(gateway.addresses[0])
        body.send(
            "POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        #expect(try body.readToEnd() == "")
        let silent = try RawConnection(gateway.addresses[0])
        #expect(try silent.readToEnd() == "")

        for (request, status) in [
            ("NONSENSE\r\n\r\n", 400), ("GET /v1/status HTTP/9.9\r\n\r\n", 505),
            ("GET /v1/status HTTP/1.1\r\nHost: localhost\r\nA: \(String(repeating: "a", count: 5000))\r\n\r\n", 431),
            ("GET /v1/status HTTP/1.1\r\n" + (0..<200).map { "A\($0): a\r\n" }.joined() + "\r\n", 431),
            ("POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}", 400),
            (
                "POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
                400
            ),
            (
                "POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400
            ),
        ] {
            let raw = try RawConnection(gateway.addresses[0])
            raw.send(request)
            let said = try raw.readToEnd()
            #expect(said.hasPrefix("HTTP/1.1 \(status) "), "\(request.prefix(60)): \(said.prefix(200))")
        }
        #expect(try gateway.request("/healthz").status == 200)

        // A body that breaks in the middle is its sender's fault, and no defect of ours.
        let broken = try RawConnection(gateway.addresses[0])
        let head = "POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        broken.send(head + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(try broken.readAnswer().status == 100, "its body is being read")
        broken.send("2\r\n{}\r\nnonsense\r\n")
        #expect(try broken.readToEnd().hasPrefix("HTTP/1.1 400 "))
        let cut = try RawConnection(gateway.addresses[0])
        cut.send(head + "Content-Length: 100\r\n\r\n{")
        cut.finish()
        #expect(["", "HTTP/1.1 400 "].contains(String(try cut.readToEnd().prefix(13))))
        #expect(!gateway.log.contains("a request failed"), "\(gateway.log)")
    }

    @Test("one address gets so many connections to the gateway, and leaves room for others")
    func connections() throws {
        let gateway = try gateway("authentication: { none: true }\nlimits: { connections_per_address: 5 }")
        var held = try (0..<5).map { _ in try RawConnection(gateway.addresses[0]) }
        for connection in held {
            connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try connection.readAnswer().status == 200)
        }
        #expect(try RawConnection(gateway.addresses[0]).readToEnd() == "")
        #expect(try HTTPExchangeOverSocket.status(gateway) == 200)
        // Once there is room again, everybody may come.
        held.removeAll()
        let agent = try Self.agent.get()
        try agent.wait("room for another connection") { (try? gateway.request("/healthz").status) == 200 }
    }

    @Test(
        "a gateway does what its type of node does",
        arguments: [
            (
                "principal",
                [
                    ("/v1/order", 415), ("/v1/fulfill/order", 404), ("/v1/fulfill/order/secret", 404),
                    ("/v1/courier", 415),
                ]
            ),
            // Orders are listed there, and neither made nor redeemed.
            (
                "fiduciary",
                [("/v1/order", 404), ("/v1/order/secret", 404), ("/v1/fulfill/order", 415), ("/v1/courier", 415)]
            ),
        ])
    func nodes(type: String, paths: [(String, Int)]) throws {
        let gateway = try gateway("authentication: { none: true }\nnode: \(type)")
        for (path, status) in paths {
            let answer = try gateway.request(path, ["-d", "x"])
            #expect(answer.status == status, "\(path): \(answer.text)")
        }
        // What no type does is another matter.
        let put = try gateway.request("/v1/order", ["-X", "PUT"])
        #expect(put.status == 405 && put.headers["allow"] == (type == "fiduciary" ? "GET, HEAD" : "POST, GET, HEAD"))
        #expect(try gateway.request("/v1/order/secret").status == (type == "fiduciary" ? 404 : 405))
        let description = try gateway.request("/openapi.json")
        let listed = try #require(description["paths"] as? [String: [String: Any]])
        #expect(listed["/v1/fulfill/order"] != nil || type == "principal")
        #expect((listed["/v1/order"]?["post"] != nil) == (type == "principal"))
        #expect(try gateway.request("/v1/status")["nodeType"] as? String == type)
    }

    @Test("without authentication a page of another site reaches nothing through its visitor's browser")
    func foreignPages() throws {
        let gateway = try gateway()
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1"] {
            #expect(try gateway.request("/v1/status", ["-H", "Host: \(host)"]).code == "PERMISSION_DENIED", "\(host)")
        }
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:1", "127.1.2.3"] {
            #expect(try gateway.request("/v1/status", ["-H", "Host: \(host)"]).status == 200, "\(host)")
        }
        let answer = try gateway.request("/v1/status", ["-H", "Origin: https://evil.example"])
        #expect(answer.status == 403 && answer.headers["access-control-allow-origin"] == nil)
        // A request that no browser asks leave for, under our own name: no body, no type.
        for header in ["Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"] {
            let refused = try gateway.request("/v1/identity", ["-X", "POST", "-H", header])
            #expect(refused.code == "PERMISSION_DENIED", "\(header)")
        }
        let own = ["-H", "Sec-Fetch-Site: same-origin", "-H", "Origin: \(gateway.url())"]
        #expect(try gateway.request("/v1/status", own).status == 200)
        #expect(
            try gateway.request(
                "/v1/status",
                [
                    "-X", "OPTIONS", "-H", "Origin: https://evil.example",
                    "-H", "Access-Control-Request-Method: GET",
                ]
            ).status == 405)
    }

    @Test("pages of a configured origin may read answers, and no others")
    func origins() throws {
        let gateway = try gateway("authentication: { none: true }\ncors: { origins: [\"https://app.example\"] }")
        let ask = ["-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST", "-H"]
        let preflight = try gateway.request("/v1/identity", ask + ["Origin: https://app.example"])
        #expect(preflight.status == 204 && preflight.headers["access-control-allow-origin"] == "https://app.example")
        #expect(preflight.headers["access-control-allow-methods"]?.contains("POST") == true)
        for origin in ["https://app.example.evil.example", "http://app.example", "https://APP.example", "null", "*"] {
            let refused = try gateway.request("/v1/identity", ask + ["Origin: \(origin)"])
            #expect(refused.status == 405 && refused.headers["access-control-allow-origin"] == nil, "\(origin)")
        }
        let answer = try gateway.request("/v1/nothing", ["-H", "Origin: https://app.example"])
        #expect(
            answer.headers["access-control-allow-origin"] == "https://app.example" && answer.headers["vary"] == "Origin"
        )
    }

    @Test("the gateway's metrics are on their own address, and tell of requests, the agent and its HSM")
    func metrics() throws {
        let gateway = try gateway("authentication: { none: true }\nmetrics: { listen: \"127.0.0.1:0\" }")
        _ = try gateway.request("/v1/status")
        _ = try gateway.request("/v1/nothing%22%7D%0A")
        #expect(try gateway.request("/metrics").status == 404)
        let metrics = try gateway.request("http://\(gateway.addresses[1])/metrics")
        #expect(metrics.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        let lines = metrics.text.split(separator: "\n").map(String.init)
        for line in [
            #"dtagw_requests_total{method="GET",route="/v1/status",status="200"} 1"#, "dtagw_agent_up 1",
            "dtagw_agent_ready 1",
            #"dtagw_requests_total{method="GET",route="other",status="404"} 2"#, "dtagw_hsm_requests_waiting 0",
            #"dtagw_request_seconds_bucket{route="/v1/status",le="+Inf"} 1"#,
        ] { #expect(lines.contains(line), "\(line)") }
        // Each line is what Prometheus reads: name, labels, number.
        let form = try Regex(#"^([a-z_]+(\{([a-z]+="[^"\\\n]*",?)+\})? [0-9.e+-]+|# (HELP|TYPE) [a-z_]+ .+)$"#)
        for line in lines { #expect(line.wholeMatch(of: form) != nil, "\(line)") }
        #expect(try gateway.request("http://\(gateway.addresses[1])/v1/status").status == 404)
    }

    @Test("the gateway tells that its agent went away, and finds one that comes back")
    func agentGoes() throws {
        let agent = try TestAgent()
        let gateway = try TestGateway(agent: agent.socketPath)
        #expect(try gateway.request("/readyz").status == 200)
        agent.stop()
        // What was found is answered for a second.
        try agent.wait("the gateway to miss it") { try gateway.request("/readyz").status == 503 }
        let away = try gateway.request("/readyz")
        #expect(away.status == 503 && away.code == "UNAVAILABLE" && away.headers["retry-after"] == "1")
        // Where the agent's socket is, is nobody's business.
        #expect(!away.text.contains(agent.socketPath))
        #expect(try gateway.request("/v1/identity").status == 503)
        #expect(try gateway.request("/healthz").status == 200)
        try agent.start()
        try agent.wait("the gateway to find it") { try gateway.request("/readyz").status == 200 }
    }

    @Test("SIGTERM ends the gateway, and what runs is finished before")
    func graceful() throws {
        let gateway = try gateway()
        let raw = try RawConnection(gateway.addresses[0])
        raw.send(
            "POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        #expect(try raw.readAnswer().status == 100, "its body is being read")
        raw.send("{")
        gateway.signal(SIGTERM)
        try eventually("the gateway to take no more connections") {
            (try? RawConnection(gateway.addresses[0])) == nil
        }
        raw.send("}")
        #expect(try raw.readToEnd().hasPrefix("HTTP/1.1 200 OK"))
        #expect(gateway.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: gateway.socketPath))
    }

    @Test("the gateway limits rates by address, and others are not touched by it")
    func rates() throws {
        let gateway = try gateway("authentication: { none: true }\nlimits: { requests_per_minute: 6, burst: 3 }")
        #expect(try (0..<3).allSatisfy { _ in try gateway.request("/v1/status").status == 200 })
        let refused = try gateway.request("/v1/status")
        #expect(refused.status == 429 && refused.code == "RESOURCE_EXHAUSTED")
        #expect(try #require(refused.headers["retry-after"].flatMap { Int($0) }) <= 10)
        #expect(try HTTPExchangeOverSocket.status(gateway, "/v1/status") == 200)
        // What watches over it comes from an address that others have, too, and is answered.
        for path in ["/healthz", "/readyz"] {
            #expect(try (0..<5).allSatisfy { _ in try gateway.request(path).status == 200 }, "\(path)")
        }
    }

    @Test("large bodies that are under way have an end, and what is small is served all the same")
    func bytesInFlight() throws {
        let gateway = try gateway(
            "authentication: { none: true }\nlimits: { couriers: 1, requests_per_minute: 100000, burst: 100000 }")
        let directory = try TemporaryDirectory()
        func bring(_ size: Int) throws -> HTTPExchange {
            let file = try directory.write("car", [UInt8](repeating: 7, count: size))
            return try gateway.request(
                "/v1/courier", ["-H", "Content-Type: application/vnd.ipld.car", "--data-binary", "@\(file)"])
        }
        #expect(try bring(100 << 10).status == 400)
        // Two that say that they bring all that one may, and do not.
        var slow = try (0..<2).map { _ in
            let connection = try RawConnection(gateway.addresses[0])
            connection.send(
                "POST /v1/courier HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/vnd.ipld.car\r\nContent-Length: \(16 << 20)\r\n\r\n."
            )
            return connection
        }
        func wait(for status: Int) throws -> HTTPExchange {
            var answer = try bring(100 << 10)
            try eventually("an answer with \(status)") {
                if answer.status != status { answer = try bring(100 << 10) }
                return answer.status == status
            }
            return answer
        }
        let busy = try wait(for: 503)
        #expect(busy.code == "UNAVAILABLE" && busy.headers["retry-after"] != nil)
        #expect(try bring(1000).status == 400)
        #expect(slow.allSatisfy { $0.send(".") })
        slow = []
        _ = try wait(for: 400)
    }
}

/// The same gateway over its Unix socket.
enum HTTPExchangeOverSocket {
    static func status(_ gateway: TestGateway, _ path: String = "/healthz") throws -> Int {
        try gateway.request("http://localhost\(path)", ["--unix-socket", gateway.socketPath]).status
    }
}
