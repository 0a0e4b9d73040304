import DTAConfiguration
import DTAFormats
import DTAKubo
import DTASystem
import Foundation
import TestSupport
import Testing

/// The client against a real node.
@Suite(.ownThread, .enabled(if: TestNode.isInstalled)) struct ClientTests {
    @Test("the IPFS node has a block that was put, gives it back, and pins it once it is told to")
    func roundTrip() throws {
        let node = try TestNode()
        let client = try client(node.api)
        #expect(try client.version().isEmpty == false)
        #expect(try client.id() == node.id)
        let leaf = [UInt8]("a leaf \(UInt64.random(in: .min ... .max))".utf8)
        let leafCID = CID(hashing: leaf, codec: .raw)
        let root = try DAGCBOR.encode(.list([.link(leafCID)]))
        let rootCID = CID(hashing: root, codec: .dagCBOR)
        try client.put(leaf, as: leafCID)
        try client.put(root, as: rootCID)
        try client.put(root, as: rootCID)
        #expect(try client.has(rootCID) && client.has(leafCID))
        #expect(try client.get(leafCID, milliseconds: 5000) == leaf)
        #expect(try client.get(rootCID, milliseconds: 5000) == root)
        #expect(try !client.isPinned(rootCID))
        try client.pin(rootCID, milliseconds: 10_000)
        #expect(try client.isPinned(rootCID))
        // Kept by the root's pin, but not by one of its own.
        #expect(try !client.isPinned(leafCID))
        #expect(try node.ask("pin/ls").contains("\(leafCID)"))
    }

    @Test("blocks of every size up to the limit go to the IPFS node and back")
    func sizes() throws {
        let node = try TestNode()
        let client = try client(node.api)
        var generator = SystemRandomNumberGenerator()
        for size in [0, 1, 65_536, 1 << 20] {
            let block = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let cid = CID(hashing: block, codec: .raw)
            try client.put(block, as: cid)
            #expect(try client.get(cid, milliseconds: 10_000) == block, "\(size) bytes")
        }
    }

    @Test("a block that nobody has is not found in the time that is given, and the next call works")
    func notFound() throws {
        let node = try TestNode()
        let client = try client(node.api)
        let cid = CID(hashing: [UInt8]("nobody has this".utf8), codec: .raw)
        let error = try failure { _ = try client.get(cid, milliseconds: 300) }
        #expect(error.kind == .notFound && error.error.code == .notFound)
        #expect(error.error.message.contains("\(cid)") && error.error.message.contains(node.api))
        #expect(try client.id() == node.id)
    }

    @Test("a bearer token and basic authorization open the IPFS node's door, and nothing else does")
    func authorization() throws {
        let files = try TemporaryDirectory()
        let token = try files.write("token", "tok-123\n")
        let user = try files.write("user", "dta:pass:word")
        let wrong = try files.write("wrong", "tok-124")
        let bearer = try TestNode(options: ["--auth-secret", "bearer:tok-123"])
        #expect(
            try client(bearer.api) { $0.authorization = .init(scheme: .bearer, secret: .file(token)) }.id() == bearer.id
        )
        for secret in [nil, Configuration.Kubo.Authorization(scheme: .bearer, secret: .file(wrong))] {
            let error = try failure { _ = try client(bearer.api) { $0.authorization = secret }.id() }
            #expect(error.kind == .unreachable && error.error.code == .failedPrecondition)
            #expect(error.error.message.contains("turns the agent away"))
            #expect(!error.error.message.contains("tok-12"))
        }
        let basic = try TestNode(options: ["--auth-secret", "basic:dta:pass:word"])
        #expect(
            try client(basic.api) { $0.authorization = .init(scheme: .basic, secret: .file(user)) }.id() == basic.id)
    }

    @Test("an IPFS node on loopback is reached without TLS")
    func loopback() throws {
        // The port is taken by the node itself; the test learns it from what it says when it is ready.
        let port = try freePort()
        let node = try TestNode(api: "127.0.0.1:\(port)")
        let client = try client("http://127.0.0.1:\(port)")
        #expect(try client.id() == node.id)
        node.kill()
        let error = try failure { _ = try client.id() }
        #expect(error.kind == .unreachable && error.error.message.contains("http://127.0.0.1:\(port)"))
    }
}

func client(_ api: String, _ change: (inout Configuration.Kubo) -> Void = { _ in }) throws -> KuboClient {
    var options = Configuration.Kubo(api: try KuboEndpoint(api))
    change(&options)
    return try KuboClient(options)
}

/// The error with which a call to a node fails.
func failure(_ body: () throws -> Void) throws -> KuboError {
    do { try body() } catch let error as KuboError { return error }
    throw TestFailure("the call did not fail")
}

func freePort() throws -> UInt16 {
    let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(probe) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let found = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(probe, $0, size) == 0 && getsockname(probe, $0, &size) == 0
        }
    }
    guard found else { throw TestFailure("no free port") }
    return UInt16(bigEndian: address.sin_port)
}
