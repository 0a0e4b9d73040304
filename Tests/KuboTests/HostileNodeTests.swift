import DTAFormats
import DTAKubo
import DTASystem
import Foundation
import TestSupport
import Testing

/// The client against nodes that are broken, slow or lying.
@Suite(.ownThread) struct HostileNodeTests {
    let block = [UInt8]("what was asked for".utf8)
    var cid: CID { CID(hashing: block, codec: .raw) }

    @Test("a block that is not the one asked for is DATA_LOSS with both hashes")
    func wrongBlock() throws {
        let node = try FakeNode { _ in .bytes([1, 2, 3]) }
        let error = try failure { _ = try client(node.api).get(cid, milliseconds: 5000) }
        #expect(error.kind == .wrongBlock && error.error.code == .dataLoss)
        #expect(error.error.message.contains("\(cid)"))
        #expect(error.error.message.contains("\(CID(hashing: [1, 2, 3], codec: .raw))"))
    }

    @Test("an answer without an end is cut off at a block's size")
    func endless() throws {
        let node = try FakeNode { _ in
            .endless(head: "HTTP/1.1 200 OK\r\n\r\n", [UInt8](repeating: 7, count: 65_536), pause: 0)
        }
        let error = try failure { _ = try client(node.api).get(cid, milliseconds: 60_000) }
        #expect(error.kind == .wrongBlock && error.error.message.contains("1048576"))
        #expect(try failure { _ = try client(node.api).id() }.kind == .unreachable)
    }

    @Test("a node that says nothing, or a byte now and then, is given up at the time limit")
    func slow() throws {
        let silent = try FakeNode { _ in .silence }
        #expect(try failure { _ = try client(silent.api).get(cid, milliseconds: 100) }.kind == .unreachable)
        let dripping = try FakeNode { _ in
            .endless(head: "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", [7], pause: 20)
        }
        let error = try failure { _ = try client(dripping.api).get(cid, milliseconds: 100) }
        #expect(error.kind == .unreachable && error.error.message.contains("in time"))
    }

    @Test("stopping the client of an IPFS node ends a call that waits, and every later one")
    func stopping() throws {
        let node = try FakeNode { _ in .silence }
        let client = try client(node.api)
        Foundation.Thread.detachNewThread {
            try? eventually("the call to wait") { !node.requests.isEmpty }
            client.stop()
        }
        #expect(try failure { _ = try client.get(cid, milliseconds: 600_000) }.kind == .stopped)
        #expect(try failure { _ = try client.get(cid, milliseconds: 600_000) }.kind == .stopped)
    }

    @Test(
        "an answer that is not Kubo's is never taken for one",
        arguments: [
            "", "<html>", "{}", "[]", "{\"ID\": 7}", "{\"ID\":\"Qm", "\u{0}\u{1}", "{\"Key\": \"bafkreia\"}",
        ])
    func garbage(_ body: String) throws {
        let node = try FakeNode { _ in .status(200, body) }
        let client = try client(node.api)
        #expect(try failure { _ = try client.id() }.kind == .unreachable)
        #expect(try failure { _ = try client.version() }.kind == .unreachable)
        #expect(try failure { try client.pin(cid, milliseconds: 1000) }.kind == .unreachable)
        #expect(try failure { _ = try client.isPinned(cid) }.kind == .unreachable)
        let put = try failure { try client.put(block, as: cid) }
        #expect(put.kind == .unreachable || put.kind == .wrongBlock)
    }

    @Test("the name that an IPFS node gives itself is one short word, and what it says of a block harms no terminal")
    func words() throws {
        for word in ["", "two words", "a\\u001b[2J", "a\\nb", "a\\u202eb", String(repeating: "a", count: 129)] {
            let node = try FakeNode { _ in .status(200, "{\"ID\": \"\(word)\", \"Version\": \"\(word)\"}") }
            let client = try client(node.api)
            #expect(try failure { _ = try client.id() }.kind == .unreachable, "\(word)")
            #expect(try failure { _ = try client.version() }.kind == .unreachable, "\(word)")
        }
        let node = try FakeNode { _ in .status(200, "{\"Key\": \"a\\u001b[2J\\nb\"}") }
        let error = try failure { try client(node.api).put(block, as: cid) }
        #expect(error.kind == .wrongBlock && error.error.message.hasSuffix("as another: a [2J b"))
    }

    @Test("a node whose answer is no HTTP, or breaks off, cannot be reached")
    func notHTTP() throws {
        for bytes in ["", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "HTTP/9.9 abc\r\n\r\n"] {
            let node = try FakeNode { _ in .raw(Array(bytes.utf8)) }
            #expect(try failure { _ = try client(node.api).id() }.kind == .unreachable, "\(bytes)")
        }
        let gone = try client("unix:/nonexistent/api.sock")
        let error = try failure { _ = try gone.id() }
        #expect(error.error.code == .unavailable && error.error.message.contains("unix:/nonexistent/api.sock"))
        #expect(error.error.message.contains("No such file or directory"))
    }

    @Test("a status says whether the node is away or refuses one call, with the node's own words")
    func statuses() throws {
        let json = #"{"Message":"no space left\u001b[31m on device","Code":0,"Type":"error"}"#
        let cases: [(Int, String, KuboError.Kind, ErrorCode)] = [
            (500, json, .refused, .unavailable), (400, json, .refused, .unavailable),
            (500, "oops", .unreachable, .unavailable), (503, "busy", .unreachable, .unavailable),
            (403, "no", .unreachable, .failedPrecondition), (404, "?", .unreachable, .failedPrecondition),
            (302, "", .unreachable, .unavailable),
        ]
        for (status, body, kind, code) in cases {
            let node = try FakeNode { _ in .status(status, body, more: "Location: http://127.0.0.1:1/\r\n") }
            let error = try failure { try client(node.api).put(block, as: cid) }
            #expect(error.kind == kind && error.error.code == code, "\(status)")
            if kind == .refused { #expect(error.error.message.contains("no space left [31m on device")) }
            #expect(node.requests.count == 1)
        }
    }

    @Test("an error that comes after the answer began is seen, in the trailer where Kubo puts it")
    func trailer() throws {
        let answer =
            "HTTP/1.1 200 OK\r\nTrailer: X-Stream-Error\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "4\r\nwhat\r\n0\r\nX-Stream-Error: block was lost\r\n\r\n"
        let node = try FakeNode { _ in .raw(Array(answer.utf8)) }
        let error = try failure { _ = try client(node.api).get(cid, milliseconds: 5000) }
        #expect(error.kind == .refused && error.error.message.contains("block was lost"))
    }

    @Test(
        "requests to Kubo are POST, without what it would take for a web page, and never by a proxy of the environment")
    func requests() throws {
        let expected = cid
        let node = try FakeNode { _ in .status(200, #"{"Key":"\#(expected)"}"#) }
        try client(node.api).put(block, as: cid)
        let head = try #require(node.requests.first)
        #expect(head.hasPrefix("POST /api/v0/block/put?cid-codec=raw&mhtype=sha2-256&pin=false HTTP/1.1"))
        #expect(head.contains("User-Agent: dtad/"))
        let lower = head.lowercased()
        for name in ["origin:", "referer:", "expect:", "authorization:", "accept-encoding:", "cookie:"] {
            #expect(!lower.contains("\r\n" + name), "\(name)")
        }
        // A proxy that is not there would let nothing come here.
        let other = try FakeNode { _ in .status(503, "") }
        let agent = try TestAgent(starting: false)
        try agent.publish(to: other.api)
        let proxy = "http://127.0.0.1:1"
        try agent.start(environment: ["http_proxy": proxy, "https_proxy": proxy, "all_proxy": proxy])
        try agent.wait("a request to the node") { !other.requests.isEmpty }
    }

    @Test("a secret that others may read, or that would make a header of its own, is not used")
    func secrets() throws {
        let files = try TemporaryDirectory()
        let open = try files.write("open", "token", mode: 0o644)
        let lines = try files.write("lines", "token\nX-More: yes\n")
        let empty = try files.write("empty", "\n")
        let long = try files.write("long", String(repeating: "x", count: 5000))
        for file in [open, lines, empty, long, files.path, files.file("missing")] {
            #expect(throws: DTAError.self, "\(file)") {
                _ = try client("unix:/x") { $0.authorization = .init(scheme: .bearer, secret: .file(file)) }
            }
        }
        let plain = try files.write("plain", "no-colon")
        #expect(throws: DTAError.self) {
            _ = try client("unix:/x") { $0.authorization = .init(scheme: .basic, secret: .file(plain)) }
        }
    }
}
