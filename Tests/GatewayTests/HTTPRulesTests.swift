import Foundation
import TestSupport
import Testing

/// What HTTP demands of a server (RFC 9110, RFC 9112), said to a real gateway byte by byte.
@Suite("HTTP as its standards have it", .ownThread, .serialized)
struct HTTPRulesTests {
    private static let agent = Result { try TestAgent() }
    private static let shared = Result {
        try TestGateway(
            agent: try agent.get().socketPath,
            configuration: "authentication: { none: true }\n"
                + "limits: { requests_per_minute: 1000000, burst: 1000000, idle_ms: 3000 }")
    }

    private var gateway: TestGateway { get throws { try Self.shared.get() } }

    private func connect() throws -> RawConnection { try RawConnection(try gateway.addresses[0]) }

    /// What is answered to some bytes, until the gateway closes.
    private func whole(_ request: String, finish: Bool = false) throws -> String {
        let raw = try connect()
        raw.send(request)
        if finish { raw.finish() }
        return try raw.readToEnd()
    }

    private func statuses(_ text: String) -> [Int] {
        text.components(separatedBy: "HTTP/1.1 ").dropFirst().compactMap { Int($0.prefix(3)) }
    }

    private static func post(_ name: String, _ fields: String = "", version: String = "1.1") -> String {
        let body = #"{"Name":"\#(name)"}"#
        return "POST /v1/identity HTTP/\(version)\r\nHost: localhost\r\nContent-Type: application/json\r\n\(fields)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private func isKnown(_ name: String) throws -> Bool {
        try gateway.request("/v1/identity").text.contains("\"\(name)\"")
    }

    @Test("an HTTP/1.0 request is answered, and the connection closed, unless it asks to keep it")
    func oldClients() throws {
        for path in ["/v1/status", "/openapi.json", "/v1/nothing"] {
            let said = try whole("GET \(path) HTTP/1.0\r\nHost: localhost\r\n\r\n").lowercased()
            #expect(said.contains("\r\nconnection: close\r\n"), "\(path)")
            #expect(said.contains("\r\ncontent-length: ") && !said.contains("transfer-encoding"), "\(path)")
        }
        // Nothing behind it is answered, nor done.
        let name = "behind-an-old-one"
        let get = "GET /v1/status HTTP/1.0\r\nHost: localhost\r\n\r\n"
        #expect(statuses(try whole(get + Self.post(name))) == [200])
        #expect(try !isKnown(name))
        // It may have no Host; without one it names nothing of this host's where nobody is asked who he is.
        #expect(statuses(try whole("GET /healthz HTTP/1.0\r\n\r\n")) == [200])
        #expect(statuses(try whole("GET /v1/status HTTP/1.0\r\n\r\n")) == [403])

        let kept = try connect()
        for _ in 0..<3 {
            kept.send("GET /v1/status HTTP/1.0\r\nHost: localhost\r\nConnection: Keep-Alive\r\n\r\n")
            let answer = try kept.readAnswer()
            #expect(answer.status == 200 && answer.fields["connection"] == "keep-alive")
        }
        kept.send("GET /v1/status HTTP/1.0\r\nHost: localhost\r\n\r\n")
        #expect(try kept.readAnswer().fields["connection"] == "close")
        #expect(try kept.readToEnd() == "")
    }

    @Test("an HTTP/1.0 request with a Transfer-Encoding is refused, and nothing behind it is read")
    func oldEncodings() throws {
        let name = "smuggled-behind-chunks"
        let request =
            "POST /v1/identity HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        #expect(statuses(try whole(request + Self.post(name))) == [400])
        #expect(try !isKnown(name))
    }

    @Test("a new client's connection stays open, and is closed when it says so in any spelling")
    func newClients() throws {
        let kept = try connect()
        for _ in 0..<3 {
            kept.send("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let answer = try kept.readAnswer()
            #expect(answer.status == 200 && answer.fields["connection"] == nil)
        }
        for value in ["close", "Close", "keep-alive, CLOSE", "x,close ,y"] {
            let name = "after-close-\(value.count)"
            let get = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: \(value)\r\n\r\n"
            let said = try whole(get + Self.post(name))
            #expect(statuses(said) == [200] && said.lowercased().contains("\r\nconnection: close\r\n"), "\(value)")
            #expect(try !isKnown(name), "\(value)")
        }
        // Who offers another protocol gets this one, and a new connection for the next request.
        let upgrade =
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
        #expect(statuses(try whole("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\(upgrade)\r\n")) == [200])
    }

    @Test("a client that waits for leave to send its body gets it at once")
    func continues() throws {
        let expecting = Self.post("waited", "Expect: 100-continue\r\n").components(separatedBy: "\r\n\r\n")
        let raw = try connect()
        for (index, body) in [expecting[1], expecting[1].replacingOccurrences(of: "waited", with: "WAITED")]
            .enumerated()
        {
            raw.send(expecting[0] + "\r\n\r\n")
            #expect(try raw.readAnswer().status == 100)
            raw.send(body)
            let answer = try raw.readAnswer()
            #expect(answer.status == 200 && answer.fields["connection"] == nil, "\(index)")
        }
        // A client that does not wait is answered all the same, and so is curl.
        raw.send(expecting[0] + "\r\n\r\n" + expecting[1].replacingOccurrences(of: "waited", with: "eager1"))
        #expect(try raw.readAnswer().status == 100)
        #expect(try raw.readAnswer().status == 200)
        let chunks = "Transfer-Encoding: chunked\r\nExpect: 100-Continue\r\n\r\n"
        raw.send("POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\(chunks)")
        #expect(try raw.readAnswer().status == 100)
        raw.send("2\r\n{}\r\n0\r\n\r\n")
        #expect(try raw.readAnswer().status == 200)
        let curl = try run(
            "curl",
            [
                "-sS", "-m", "45", "--noproxy", "*", "-H", "Expect: 100-continue", "--expect100-timeout", "50", "-w",
                "%{http_code}", "-o", "/dev/null", "-H", "Content-Type: application/json", "--data-binary",
                #"{"Name":"curled"}"#, gateway.url("/v1/identity"),
            ])
        #expect(curl.text == "200", "\(curl.errors)")
        // An old client has no such word (RFC 9110 §10.1.1), nor has a request without a body.
        let old = Self.post("old-expectation", "Expect: 100-continue\r\n", version: "1.0")
        #expect(statuses(try whole(old)) == [200])
        raw.send("GET /v1/status HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n")
        #expect(try raw.readAnswer().status == 200)
    }

    @Test("a body that is not wanted is not asked for, and the connection ends with the refusal")
    func refusedContinues() throws {
        func refused(_ path: String, _ fields: String, _ gateway: TestGateway? = nil) throws -> Int {
            let raw = try RawConnection(try (gateway ?? self.gateway).addresses[0])
            raw.send("POST \(path) HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\(fields)\r\n")
            let answer = try raw.readAnswer()
            #expect(answer.fields["connection"] == "close", "\(path) \(fields)")
            #expect(try raw.readToEnd() == "", "\(path) \(fields)")
            return answer.status
        }
        let json = "Content-Type: application/json\r\n"
        #expect(try refused("/v1/nothing", json + "Content-Length: 2\r\n") == 404)
        #expect(try refused("/v1/status", json + "Content-Length: 2\r\n") == 405)
        #expect(try refused("/v1/identity", json + "Content-Length: 20000000\r\n") == 413)
        #expect(try refused("/v1/identity", "Content-Type: text/plain\r\nContent-Length: 2\r\n") == 415)
        #expect(try refused("/v1/courier", json + "Transfer-Encoding: chunked\r\n") == 415)
        let issuer = try TestIssuer()
        let asking = try issuer.gateway(for: try Self.agent.get())
        let car = "Content-Type: application/vnd.ipld.car\r\nContent-Length: 16000000\r\n"
        #expect(try refused("/v1/courier", car, asking) == 401)
        for expectation in ["200-ok", "100-continue, 200-ok", "gzip"] {
            let raw = try connect()
            raw.send(
                "POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nExpect: \(expectation)\r\nContent-Length: 2\r\n\r\n")
            let answer = try raw.readAnswer()
            #expect(answer.status == 417 && answer.fields["connection"] == "close", "\(expectation)")
        }
    }

    @Test("a connection ends behind a refusal whose body was not read, and nothing behind that is done")
    func earlyRefusals() throws {
        let refusals = [
            ("POST /v1/nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 404),
            ("DELETE /v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 405),
            ("POST /v1/identity HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}", 403),
            (
                "POST /v1/identity?x=1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                400
            ),
            ("POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 400),
        ]
        for (index, (request, status)) in refusals.enumerated() {
            let name = "behind-a-refusal-\(index)"
            let said = try whole(request + Self.post(name))
            #expect(statuses(said) == [status] && said.lowercased().contains("\r\nconnection: close\r\n"), "\(request)")
            #expect(try !isKnown(name), "\(request)")
        }
        // One whose body was read leaves the connection as it is.
        let raw = try connect()
        raw.send(
            "POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{"
        )
        #expect(try raw.readAnswer().fields["connection"] == nil)
        raw.send(Self.post("behind-a-read-body"))
        #expect(try raw.readAnswer().status == 200)
    }

    @Test("a request has one Host, and one that is a host")
    func hosts() throws {
        for fields in [
            "", "Host:\r\n", "Host: \r\n", "Host: localhost\r\nHost: localhost\r\n",
            "Host: localhost\r\nhost: evil.example\r\n",
            "Host: localhost, evil.example\r\n", "Host: local host\r\n", "Host: a@localhost\r\n",
            "Host: localhost/\r\n",
            "Host: localhost:99999\r\n", "Host: localhost:x\r\n", "Host: localhost:-1\r\n", "Host: [::1\r\n",
            "Host: [::g]\r\n", "Host: [::1]x\r\n", "Host: ::1\r\n", "Host: http://localhost\r\n",
            "Host: local%68ost\r\n",
        ] {
            let said = try whole("GET /v1/status HTTP/1.1\r\n\(fields)\r\n")
            #expect(
                statuses(said) == [400] && said.lowercased().contains("\r\nconnection: close\r\n"), "\(fields): \(said)"
            )
        }
        for host in ["localhost", "LocalHost:8440", "localhost:", "127.0.0.1:1", "[::1]", "[::1]:8440"] {
            let said = try whole("GET /v1/status HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
            #expect(statuses(said) == [200], "\(host): \(said)")
        }
    }

    @Test("a target that is a URL agrees with Host, and other targets are refused")
    func targets() throws {
        func status(_ target: String, _ host: String = "Host: localhost:80\r\n", method: String = "GET") throws -> [Int]
        {
            statuses(try whole("\(method) \(target) HTTP/1.1\r\n\(host)Connection: close\r\n\r\n"))
        }
        for target in [
            "http://localhost/v1/status", "HTTP://LOCALHOST:80/v1/status", "http://localhost:/v1/identity?perPage=1",
        ] { #expect(try status(target) == [200], "\(target)") }
        #expect(try status("http://localhost") == [404])
        #expect(try status("http://localhost?x=1") == [404])
        #expect(try status("https://localhost/v1/status", "Host: localhost:443\r\n") == [200])
        for target in [
            "http://evil.example/v1/status", "http://localhost:81/v1/status", "http://a@localhost/v1/status",
            "http:///v1/status", "http:/v1/status", "ftp://localhost/v1/status", "localhost/v1/status", "v1/status",
            "*", "localhost:80", "/v1/status#x", "http://localhost@evil.example/v1/status",
        ] { #expect(try status(target) == [400], "\(target)") }
        #expect(try status("http://localhost/v1/status", "") == [400])
        #expect(try status("*", method: "OPTIONS") == [404])
        #expect(
            statuses(try whole("CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n", finish: true)) == [400])
        // An old client that names its host in the target alone names it.
        #expect(statuses(try whole("GET http://localhost/v1/status HTTP/1.0\r\n\r\n")) == [200])
        #expect(statuses(try whole("GET http://evil.example/v1/status HTTP/1.0\r\n\r\n")) == [403])
    }

    @Test("the end of a message is never a guess")
    func framing() throws {
        let head = "POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        for (index, fields) in [
            "Content-Length: +2\r\n\r\n{}", "Content-Length: 2, 2\r\n\r\n{}", "Content-Length: 0x2\r\n\r\n{}",
            "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "Content-Length: -1\r\n\r\n{}",
            "Content-Length: 18446744073709551618\r\n\r\n{}", "Content-Length : 2\r\n\r\n{}",
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
            "Transfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: \u{b}chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
            "X: a\u{0}b\r\nContent-Length: 2\r\n\r\n{}", "Content-Length: 2\n\n{}",
        ].enumerated() {
            let name = "behind-a-frame-\(index)"
            let said = try whole(head + fields + Self.post(name), finish: true)
            let first = statuses(said).first ?? 0
            #expect(statuses(said).count <= 1 && (first == 0 || (400..<600).contains(first)), "\(fields): \(said)")
            #expect(try !isKnown(name), "\(fields)")
        }
        #expect(try gateway.request("/healthz").status == 200)
    }

    @Test("another version of HTTP is answered with 505, also behind a request that is answered")
    func versions() throws {
        let versions = ["0.9", "1.2", "1.9", "2.0", "3.0", "9.9", "1", "11.1", "1.1x"].map {
            "GET /v1/status HTTP/\($0)\r\nHost: localhost\r\n\r\n"
        }
        let status = "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for request in versions + ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let said = try whole(request + Self.post("behind-a-version"))
            #expect(statuses(said) == [505] && said.contains("VERSION_NOT_SUPPORTED"), "\(request): \(said)")
            #expect(said.lowercased().contains("\r\nconnection: close\r\n"), "\(request)")
            #expect(statuses(try whole(status + status + request)) == [200, 200, 505], "\(request)")
        }
        #expect(try !isKnown("behind-a-version"))
    }

    @Test("an answer to what is no HTTP arrives, however much follows it")
    func unreadable() throws {
        let much = String(repeating: "A: \(String(repeating: "a", count: 1000))\r\n", count: 2000)
        for (request, status) in [
            ("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n", 431), ("nonsense\r\n", 400),
            ("GET /v1/status HTTP/1.2\r\n", 505),
        ] { #expect(statuses(try whole(request + much)) == [status], "\(request)") }
    }

    private static let chunked =
        "POST /v1/identity HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTE: trailers\r\n"
        + "Transfer-Encoding: Chunked\r\n"

    @Test("what stands behind chunks is read and passed over, and an offer to take trailers too")
    func trailers() throws {
        let raw = try connect()
        raw.send(
            Self.chunked + "Trailer: Host, X\r\n\r\n2;x=y;z;q=\" \"\r\n{}\r\n0\r\n"
                + "Host: evil.example\r\nAuthorization: Bearer x\r\nExpect: x\r\nX: y\r\n\r\n")
        #expect(try raw.readAnswer().status == 200)
        raw.send("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try raw.readAnswer().status == 200)
        let closing = Self.chunked + "\r\n2\r\n{}\r\n0\r\nConnection: close\r\n\r\n"
        #expect(statuses(try whole(closing + Self.post("behind-a-closing-trailer"))) == [200, 400])
        #expect(try !isKnown("behind-a-closing-trailer"))
    }

    @Test("trailers that would frame a body, and white space around a chunk's size, are refused")
    func badChunks() throws {
        for chunks in [
            "2\r\n{}\r\n0\r\nContent-Length: 500\r\n\r\n", "2\r\n{}\r\n0\r\nContent-Length: 2\r\n\r\n",
            "2\r\n{}\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n",
            "2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "2 ;x=y\r\n{}\r\n0\r\n\r\n", "2\t;x=y\r\n{}\r\n0\r\n\r\n", "2; x=y\r\n{}\r\n0\r\n\r\n",
            "2;x =y\r\n{}\r\n0\r\n\r\n", "2;x= y\r\n{}\r\n0\r\n\r\n", "2 \r\n{}\r\n0\r\n\r\n", " 2\r\n{}\r\n0\r\n\r\n",
        ] {
            let said = try whole(Self.chunked + "\r\n" + chunks + Self.post("behind-a-chunk"))
            #expect(statuses(said) == [400], "\(chunks): \(said)")
            #expect(said.lowercased().contains("\r\nconnection: close\r\n"), "\(chunks)")
        }
        #expect(try !isKnown("behind-a-chunk"))
    }

    @Test("a head and its trailers are bounded together, and too long ones are answered with 431")
    func longTrailers() throws {
        func trailers(_ count: Int, _ length: Int) -> String {
            (0..<count).map { "A\($0): \(String(repeating: "a", count: length))\r\n" }.joined()
        }
        for many in [
            trailers(500, 100), trailers(150, 1), trailers(1, 20_000), trailers(20, 1000), trailers(3000, 1000),
        ] {
            let said = try whole(Self.chunked + "\r\n2\r\n{}\r\n0\r\n\(many)\r\n" + Self.post("behind-trailers"))
            #expect(statuses(said) == [431] && said.lowercased().contains("\r\nconnection: close\r\n"), "\(said)")
        }
        #expect(try !isKnown("behind-trailers"))
        let few = "Connection: close\r\n\r\n2\r\n{}\r\n0\r\n\(trailers(50, 100))\r\n"
        #expect(statuses(try whole(Self.chunked + few)) == [200])
    }

    @Test("HEAD is answered as GET is, with the same fields and no body")
    func head() throws {
        let raw = try connect()
        for path in ["/v1/status", "/openapi.json", "/v1/nothing", "/healthz"] {
            func answer(_ method: String) throws -> RawConnection.Answer {
                raw.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return try raw.readAnswer(isHead: method == "HEAD")
            }
            let (head, get) = (try answer("HEAD"), try answer("GET"))
            #expect(head.status == get.status, "\(path)")
            #expect(head.fields["content-length"] == get.fields["content-length"], "\(path)")
            #expect(head.fields["content-type"] == get.fields["content-type"], "\(path)")
        }
    }
}
