import Foundation
import NIOCore
import TestSupport
import Testing

@testable import DTAGateway

/// What stands between clients and the gateway, and whom it stands for.
@Suite("Behind a proxy", .ownThread, .serialized)
struct ProxyTests {
    private static let agent = Result { try TestAgent() }

    private func gateway(_ more: String) throws -> TestGateway {
        let issuer = try TestIssuer()
        return try issuer.gateway(for: try Self.agent.get(), more: "\nbehind_proxy: true\n\(more)")
    }

    private static let version2: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]

    private static func line(_ client: String) -> String { "PROXY TCP4 \(client) 127.0.0.1 50000 8440\r\n" }

    private static let look = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

    @Test("a proxy's connections are not counted as one client's")
    func notCounted() throws {
        let gateway = try gateway("proxy: { addresses: [\"127.0.0.0/8\"] }\nlimits: { connections_per_address: 3 }")
        let held = try (0..<10).map { _ in try RawConnection(gateway.addresses[0]) }
        for connection in held {
            connection.send(Self.look)
            #expect(try connection.readAnswer().status == 200)
        }
        // Who is no proxy is counted.
        let other = try self.gateway("proxy: { addresses: [\"192.0.2.1\"] }\nlimits: { connections_per_address: 3 }")
        let some = try (0..<3).map { _ in try RawConnection(other.addresses[0]) }
        for connection in some {
            connection.send(Self.look)
            #expect(try connection.readAnswer().status == 200)
        }
        #expect(try RawConnection(other.addresses[0]).readToEnd() == "")
    }

    @Test("one client behind a proxy that tells addresses leaves room for the others")
    func counted() throws {
        let gateway = try gateway(
            "proxy: { addresses: [\"127.0.0.1\"], client_address: proxy-protocol }\nlimits: { connections_per_address: 3 }"
        )
        func connect(_ header: String) throws -> RawConnection {
            let raw = try RawConnection(gateway.addresses[0])
            raw.send(header)
            raw.send(Self.look)
            return raw
        }
        let held = try (0..<3).map { _ in try connect(Self.line("192.0.2.1")) }
        for connection in held { #expect(try connection.readAnswer().status == 200) }
        #expect(try connect(Self.line("192.0.2.1")).readToEnd() == "")
        #expect(try connect(Self.line("192.0.2.2")).readAnswer().status == 200)
        // A look of the proxy's own; and what is no header is no request either.
        #expect(try connect("PROXY UNKNOWN\r\n").readAnswer().status == 200)
        for header in [
            "", "PROXY\r\n", "PROXY TCP4 192.0.2.1\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n", "proxy UNKNOWN\r\n",
            Self.line("x"),
        ] {
            #expect(try connect(header).readToEnd() == "", "\(header)")
        }
        #expect(gateway.log.contains("address=192.0.2.1") == false)
        let asking = try RawConnection(gateway.addresses[0])
        asking.send(Self.line("192.0.2.9") + "GET /v1/identity HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try asking.readAnswer().status == 401)
        try Self.agent.get().wait("the line") { gateway.log.contains("address=192.0.2.9") }
    }

    @Test("guesses are counted by the address that a proxy adds, and not by one that its client makes up")
    func forwarded() throws {
        let gateway = try gateway(
            "proxy: { addresses: [\"127.0.0.1\", \"10.0.0.0/8\"], client_address: x-forwarded-for }\n"
                + "limits: { requests_per_minute: 1, burst: 2 }")
        func ask(_ forwarded: String) throws -> Int {
            try gateway.request("/v1/status", bearer("a.b.c") + ["-H", "X-Forwarded-For: \(forwarded)"]).status
        }
        #expect(try (0..<4).map { try ask("198.51.100.\($0), 192.0.2.1") } == [401, 401, 429, 429])
        #expect(try ask("192.0.2.1, 192.0.2.2, 10.1.2.3") == 401)
    }

    @Test("PROXY headers of both versions are read byte by byte, and nothing else is")
    func headers() throws {
        func take(_ bytes: [UInt8]) -> ProxyHeader {
            var buffer = ByteBuffer(bytes: bytes + Array("rest".utf8))
            let whole = ProxyHeader.take(&buffer)
            for count in 0..<bytes.count where whole != .malformed {
                var part = ByteBuffer(bytes: bytes[..<count])
                #expect(ProxyHeader.take(&part) == .incomplete, "\(count)")
            }
            if case .client = whole { #expect(buffer.readableBytes == 4) }
            return whole
        }
        let four: [UInt8] = [192, 0, 2, 1, 127, 0, 0, 1, 0xc3, 0x50, 0x20, 0xf8]
        let six: [UInt8] =
            [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [7] + [UInt8](repeating: 0, count: 20)
        #expect(take(Self.version2 + [0x21, 0x11, 0, 12] + four) == .client("192.0.2.1"))
        #expect(take(Self.version2 + [0x21, 0x11, 0, 15] + four + [4, 0, 0]) == .client("192.0.2.1"))
        #expect(take(Self.version2 + [0x21, 0x21, 0, 36] + six) == .client("2001:db8:0:0:0:0:0:7"))
        #expect(take(Self.version2 + [0x20, 0, 0, 0]) == .client(nil))
        #expect(take(Self.version2 + [0x21, 0, 0, 0]) == .client(nil))
        #expect(take(Array("PROXY TCP6 2001:db8::7 ::1 1 2\r\n".utf8)) == .client("2001:db8::7"))
        for bytes in [
            Self.version2 + [0x11, 0x11, 0, 12] + four, Self.version2 + [0x22, 0x11, 0, 12] + four,
            Self.version2 + [0x21, 0x11, 0, 11] + four.dropLast(), Self.version2 + [0x21, 0x11, 0xff, 0xff],
            Array("PROXY TCP4 192.0.2.1 127.0.0.1 1 2\n".utf8),
            Array("PROXY TCP4 192.0.2.1 127.0.0.1 1 99999\r\n".utf8),
            Array("PROXY UDP4 192.0.2.1 127.0.0.1 1 2\r\n".utf8), Array("GET / HTTP/1.1\r\n".utf8),
            Array(("PROXY UNKNOWN" + String(repeating: " x", count: 60) + "\r\n").utf8),
        ] { #expect(take(bytes) == .malformed, "\(bytes)") }
    }

    @Test(
        "addresses and networks of trusted proxies are read as they are meant",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false), ("192.0.2.4/30", "192.0.2.7", true),
            ("192.0.2.4/30", "192.0.2.8", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true), ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe80::1%eth0", false),
            ("::1", "::1", true), ("unix", "", true), ("unix", "127.0.0.1", false), ("::/1", "127.0.0.1", true),
        ])
    func networks(network: String, address: String, isInside: Bool) {
        var proxies = TrustedProxies()
        let isAdded = proxies.add(network)
        #expect(isAdded)
        #expect(proxies.contains(address) == isInside)
    }

    @Test(
        "a text that is no network is refused as a trusted proxy",
        arguments: [
            "", "x", "10.0.0.0/0", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0/8", "::1/129", "1.2.3.4/8/8", "localhost",
        ])
    func noNetworks(text: String) {
        var proxies = TrustedProxies()
        let isAdded = proxies.add(text)
        #expect(!isAdded)
    }
}
