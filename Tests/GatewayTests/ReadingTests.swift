import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAGateway

/// What is read: the configuration, rates.
@Suite("What the gateway reads", .ownThread)
struct ReadingTests {
    private func configuration(_ text: String) throws -> GatewayConfiguration {
        let directory = try TemporaryDirectory()
        return try GatewayConfiguration.load(try directory.write("dtagw.yaml", text))
    }

    @Test(
        "a configuration that would open what it should not, or has an unknown key, is refused",
        arguments: [
            ("listen: [\"127.0.0.1:1\"]", "nothing says who may ask"),
            ("authentication: { none: true }\nlisten: [\"0.0.0.0:8440\"]", "other hosts reach it"),
            ("authentication: { none: true }\nlisten: [\"[::]:8440\"]", "other hosts reach it"),
            (
                "authentication: { jwt: { issuer: \"https://a\", audience: a, jwks: keys.json } }\nlisten: [\"0.0.0.0:1\"]",
                "readable by others on the network"
            ),
            ("authentication: { none: true }\nbehind_proxy: true", "does not go with behind_proxy"),
            ("authentication: { none: true }\nlisten: [\"127.0.0.1.example:1\"]", "is no address"),
            ("authentication: { none: true }\nlisten: [\"localhost:1\"]", "is no address"),
            ("authentication: { none: true }\nlisten: [\"127.0.0.1:99999\"]", "is no address"),
            ("authentication: { none: true, jwt: { issuer: a, audience: b, jwks: c } }", "pointless"),
            (
                "authentication: { jwt: { issuer: a, audience: b, jwks: \"http://i.example/k\" } }",
                "must be a file or an https"
            ),
            ("authentication: { jwt: { issuer: a, audience: b, jwks: c, algorithms: [HS256] } }", "is none of"),
            ("authentication: { jwt: { issuer: a, audience: b, jwks: c, algorithms: [] } }", "is empty"),
            ("authentication: { jwt: { issuer: a } }", "needs issuer, audience and jwks"),
            ("authentication: { none: true }\n\nliste: []", ":3: unknown key liste"),
            ("authentication: { none: true }\nlimits:\n  burst: 0", ":3: limits.burst must be"),
            ("authentication: { none: true }\nnode: both", ":2: node must be one of multi, principal, fiduciary"),
            ("authentication: { none: true }\ncors: { origins: [\"*\"] }", "is no origin"),
            ("authentication: { none: true }\ncors: { origins: [\"https://a.example/\"] }", "is no origin"),
            ("authentication: { none: true }\ntls: { certificate: a }", "needs certificate and key"),
            ("authentication: { none: true }\nproxy: { addresses: [\"::1\"] }", "does not go with proxy"),
            ("authentication: { none: true }\nproxy: { addresses: [localhost] }", "neither an address nor a network"),
            ("authentication: { none: true }\nproxy: { client_address: proxy-protocol }", "needs proxy.addresses"),
            (
                "authentication: { none: true }\nproxy: { client_address: forwarded }",
                "proxy.client_address must be one of"
            ),
            (
                "authentication: { jwt: { issuer: a, audience: b, jwks: c, operator_scope: \"a b\" } }",
                "operator_scope must be one word"
            ),
        ])
    func refusedConfigurations(text: String, reason: String) throws {
        let error = #expect(throws: DTAError.self) { try configuration(text) }
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test("paths in the gateway's configuration are relative to it")
    func paths() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(
            "dtagw.yaml", "agent: a.sock\nauthentication: { none: true }\nlisten: [\"unix:b.sock\"]")
        let configuration = try GatewayConfiguration.load(path)
        #expect(configuration.agent == directory.file("a.sock"))
        #expect(configuration.listen == [.unix(directory.file("b.sock"))])
    }

    @Test("the gateway writes times as RFC 3339 has them")
    func times() {
        let formatter = ISO8601DateFormatter()
        for seconds: Int64 in [0, 951_782_400, 1_709_164_799, 4_107_542_399, 253_402_300_799, 68_169_600] {
            #expect(timestamp(seconds) == formatter.string(from: Date(timeIntervalSince1970: TimeInterval(seconds))))
        }
    }
}
