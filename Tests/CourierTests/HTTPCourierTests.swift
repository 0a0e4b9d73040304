import DTACourier
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// The way to a gateway that says whatever it likes.
@Suite(.ownThread) struct HTTPCourierTests {
    private let part = CID(hashing: Array("part".utf8), codec: .dagCBOR)

    @Test("parts are posted as they are, with the token, and what answers comes back")
    func exchange() throws {
        let car = [UInt8](repeating: 7, count: 300_000)
        let posted = Locked<[UInt8]>([])
        let gateway = try FakeNode(receiving: { target, body in
            posted.withLock { $0 = body }
            return target == "/v1/courier" ? .bytes(Array("answer".utf8)) : .status(404, "")
        })
        let files = try TemporaryDirectory()
        try files.write("token", "s3cret.token\n")
        chmod(files.file("token"), 0o600)
        var options = HTTPCourier.Options()
        try options.tokens.add(gateway.api, file: files.file("token"))
        let courier = try HTTPCourier(gateway.api, options)
        #expect(try courier.deliver(car) == Array("answer".utf8))
        #expect(posted.withLock { $0 } == car)
        let head = try #require(gateway.requests.first)
        #expect(head.hasPrefix("POST /v1/courier HTTP/1.1\r\n"))
        #expect(head.contains("\r\nAuthorization: Bearer s3cret.token"))
        #expect(head.contains("\r\nContent-Type: application/vnd.ipld.car"))
        #expect(head.contains("\r\nUser-Agent: dta/"))
    }

    @Test("a poll is a GET of the part, after a POST on the same connection too, and nothing new is 204")
    func poll() throws {
        let gateway = try FakeNode { $0.hasPrefix("/v1/courier/") ? .status(204, "") : .bytes([1, 2, 3]) }
        let courier = try HTTPCourier(gateway.api, .init())
        #expect(try courier.deliver([9]) == [1, 2, 3])
        #expect(try courier.parts(after: part) == nil)
        #expect(gateway.requests.last?.hasPrefix("GET /v1/courier/\(part) HTTP/1.1\r\n") == true)
        #expect(try courier.knows(part))
        #expect(gateway.requests.last?.hasPrefix("HEAD /v1/courier/\(part) HTTP/1.1\r\n") == true)
        #expect(try courier.deliver([9]) == [1, 2, 3])
        #expect(try courier.parts(after: part) == nil)
        #expect(gateway.requests.last?.hasPrefix("GET /v1/courier/\(part) HTTP/1.1\r\n") == true)
    }

    @Test("a poll goes on where the answer before says, and a cursor that is none is not sent back")
    func cursors() throws {
        let cursor = Locked("42")
        let gateway = try FakeNode { target in
            target.hasSuffix("?cursor=42")
                ? .status(204, "") : .status(200, "x", more: "DTA-Cursor: \(cursor.withLock { $0 })\r\n")
        }
        let courier = try HTTPCourier(gateway.api, .init())
        let first = try #require(try courier.parts(after: part))
        #expect(first.car == [0x78] && first.cursor == "42")
        #expect(try courier.parts(after: part, cursor: first.cursor) == nil)
        for wrong in ["4/../../x", "-1", "1&x=y", String(repeating: "1", count: 21)] {
            cursor.withLock { $0 = wrong }
            #expect(throws: DTAError.self, "\(wrong)") { _ = try courier.parts(after: part) }
        }
    }

    @Test("a courier gives up what takes longer than all may take")
    func deadline() throws {
        let gateway = try FakeNode { _ in .silence }
        let courier = try HTTPCourier(gateway.api, .init())
        courier.deadline = monotonicNanoseconds() + 300_000_000
        #expect(try #require(throws: DTAError.self) { _ = try courier.deliver([1]) }.code == .unavailable)
        courier.deadline = monotonicNanoseconds()
        #expect(try #require(throws: DTAError.self) { _ = try courier.deliver([1]) }.code == .unavailable)
        #expect(gateway.requests.count == 1)
    }

    @Test(
        "a gateway's refusal keeps its meaning, and its words are quoted harmlessly",
        arguments: [
            (400, ErrorCode.invalidArgument), (401, .permissionDenied), (403, .permissionDenied), (404, .notFound),
            (409, .failedPrecondition), (413, .invalidArgument), (429, .resourceExhausted), (500, .unavailable),
            (503, .unavailable), (302, .failedPrecondition), (200 + 6, .unavailable),
        ])
    func refusals(status: Int, code: ErrorCode) throws {
        let body = #"{"error":{"code":"X","message":"no \u001b[31mred\u202e text","hint":"ask"}}"#
        let gateway = try FakeNode { _ in .status(status, body, more: "Location: http://127.0.0.1:9/x\r\n") }
        let error = try #require(throws: DTAError.self) {
            _ = try HTTPCourier(gateway.api, .init()).parts(after: part)
        }
        #expect(error.code == code)
        #expect(!error.message.unicodeScalars.contains { $0.value == 0x1b || $0.value == 0x202e })
        #expect(error.message.contains("no [31mred text") || status == 302)
        // It was not followed elsewhere.
        #expect(gateway.requests.count == 1)
    }

    @Test("an answer without an end is cut off at what a courier takes")
    func endless() throws {
        let gateway = try FakeNode { _ in
            .endless(
                head: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", [UInt8](repeating: 0, count: 1 << 20), pause: 0)
        }
        let error = try #require(throws: DTAError.self) { _ = try HTTPCourier(gateway.api, .init()).deliver([1]) }
        #expect(error.code == .dataLoss && error.message.contains("16 MiB"))
    }

    @Test("a gateway that says nothing is given up in time")
    func silence() throws {
        let gateway = try FakeNode { _ in .silence }
        var options = HTTPCourier.Options()
        options.milliseconds = 300
        let error = try #require(throws: DTAError.self) { _ = try HTTPCourier(gateway.api, options).deliver([1]) }
        #expect(error.code == .unavailable && error.message.contains("did not answer in time"))
    }

    @Test("if no gateway answers, the error has the URL and what helps")
    func absent() throws {
        let error = try #require(throws: DTAError.self) {
            _ = try HTTPCourier("unix:/nonexistent/gw.sock", .init()).deliver([1])
        }
        #expect(error.code == .unavailable)
        #expect(error.message == "unix:/nonexistent/gw.sock cannot be reached: No such file or directory")
        #expect(error.hints == [Hint(.sendAgain)])
    }

    @Test(
        "a courier refuses what would go over a network in the clear, or is no URL, before anything is sent",
        arguments: [
            "http://192.0.2.7:8080", "http://bank.example/dta", "ftp://bank.example", "https://user@bank.example",
            "https://bank.example/dta?x=1", "https://bank.example/a/../b", "unix:relative", "",
            "https://bank.example/\u{1b}[31m",
        ])
    func unsafe(url: String) throws {
        let error = try #require(throws: DTAError.self) { _ = try HTTPCourier(url, .init()) }
        #expect(error.code == .invalidArgument)
        #expect(!error.message.unicodeScalars.contains("\u{1b}"))
    }

    @Test("a URL may live below a path, on this host without TLS, and elsewhere so only by insisting")
    func accepted() throws {
        for url in ["https://bank.example/dta", "https://bank.example:8443", "http://127.0.0.1:8080/dta/", "unix:/x"] {
            _ = try HTTPCourier(url, .init())
        }
        var options = HTTPCourier.Options()
        options.allowsPlain = true
        _ = try HTTPCourier("http://bank.example", options)
    }
}
