import Crypto
import DTASystem
import Foundation
import Logging
import TestSupport
import Testing

@testable import DTAGateway

/// Tokens that count, and those that somebody would like to count.
@Suite("Bearer tokens", .ownThread)
struct TokenTests {
    private let issuer: TestIssuer
    private let verifier: TokenVerifier
    private let fetches = Locked(0)

    init() async throws {
        issuer = try TestIssuer()
        verifier = try Self.verifier(issuer, fetches)
    }

    private static func verifier(
        _ issuer: TestIssuer, _ fetches: Locked<Int>, keys set: String? = nil,
        change: (inout GatewayConfiguration.Token) -> Void = { _ in }
    ) throws -> TokenVerifier {
        var configuration = GatewayConfiguration.Token(
            issuer: "https://issuer.example", audience: "dta", keys: .file("keys.json"))
        change(&configuration)
        let keys = Array(try (set ?? issuer.keySet()).utf8)
        let source = KeySource(
            configuration, logger: silent, now: { 1_000_000_000_000 },
            fetch: {
                fetches.withLock { $0 += 1 }
                return keys
            })
        // A busy machine must not make tokens expire.
        return TokenVerifier(configuration: configuration, keys: source, clock: { Double(TestIssuer.now) })
    }

    private func refusal(_ token: String, _ verifier: TokenVerifier? = nil) async -> String {
        do {
            _ = try await (verifier ?? self.verifier).verify(token)
            return "it was accepted"
        } catch let refusal as TokenVerifier.Refusal {
            return refusal.reason
        } catch {
            return "\(error)"
        }
    }

    @Test("tokens of each algorithm count", arguments: ["RS256", "ES256", "EdDSA", "Ed25519"])
    func accepts(algorithm: String) async throws {
        let claims = try await verifier.verify(try issuer.token(algorithm))
        #expect(claims == TokenClaims(subject: "carol", identities: nil))
        // Without kid it finds its key where there is one of its kind.
        _ = try await verifier.verify(try issuer.token(algorithm, kid: .some(nil)))
    }

    @Test("Ed25519, as RFC 9864 calls it, is EdDSA, in keys and in tokens")
    func ed25519() async throws {
        let keys = try issuer.keySet().replacingOccurrences(of: #""alg":"EdDSA""#, with: #""alg":"Ed25519""#)
        let named = try Self.verifier(issuer, fetches, keys: keys)
        for algorithm in ["EdDSA", "Ed25519"] { _ = try await named.verify(try issuer.token(algorithm)) }
        #expect(
            await refusal(try issuer.token("Ed25519", kid: "e"), named).contains("a key that the issuer does not have"))
        let only = try Self.verifier(issuer, fetches) { $0.algorithms = [.es256] }
        #expect(await refusal(try issuer.token("Ed25519"), only).contains("not accepted"))
    }

    @Test("a token can name each key that is used", arguments: ["", " ", String(repeating: "k", count: 5000)])
    func strangeNames(name: String) async throws {
        let keys = try issuer.keySet().replacingOccurrences(of: #""kid":"d""#, with: "\"kid\":\"\(name)\"")
        let verifier = try Self.verifier(issuer, fetches, keys: keys)
        _ = try await verifier.verify(try issuer.token(kid: name))
        #expect(
            await refusal(try issuer.token(kid: name + "x"), verifier).contains("a key that the issuer does not have"))
    }

    @Test("a token that is not signed, or with what everybody knows, does not count")
    func confusion() async throws {
        for name in ["none", "None", "NONE", "", "HS256", "HS512", "PS256", "RS512", "ES384", "rs256"] {
            let token = try issuer.token(name, kid: "r")
            let unsigned =
                token.hasSuffix(".") ? token : String(token[...(token.lastIndex(of: ".") ?? token.startIndex)])
            #expect(await refusal(unsigned) == "the token is no signed JWT", "\(name)")
            #expect(
                await refusal(token.hasSuffix(".") ? token + "AAAA" : token).contains("a way that is not accepted"),
                "\(name)")
        }
        // The RSA key's public text as an HMAC key, under the name of RS256.
        let input = try issuer.token("RS256").split(separator: ".").prefix(2).joined(separator: ".")
        let mac = TestIssuer.base64(try issuer.signature("HS256", Array(input.utf8)))
        #expect(await refusal(input + "." + mac) == "the token's signature is wrong")
        #expect(await refusal(input + ".") == "the token is no signed JWT")
        #expect(await refusal(input) == "the token is no signed JWT")
    }

    @Test("a key serves its own algorithm alone")
    func keysAreBound() async throws {
        for (algorithm, other) in [("RS256", "e"), ("ES256", "d"), ("EdDSA", "r"), ("ES256", "h"), ("ES256", "other")] {
            #expect(
                await refusal(try issuer.token(algorithm, kid: other)).contains("a key that the issuer does not have"))
        }
        // Signed by one key, and said to be of another's algorithm.
        let genuine = try issuer.token("EdDSA").split(separator: ".")
        let header = TestIssuer.base64(Array(#"{"alg":"ES256","kid":"e"}"#.utf8))
        #expect(await refusal("\(header).\(genuine[1]).\(genuine[2])") == "the token's signature is wrong")
        let only = try Self.verifier(issuer, fetches) { $0.algorithms = [.es256] }
        #expect(await refusal(try issuer.token("EdDSA"), only).contains("not accepted"))
    }

    @Test(
        "a token's times, issuer and audience must be right",
        arguments: [
            (["exp": TestIssuer.now - 61], "has expired"), (["exp": nil], "does not say when it expires"),
            (["exp": "tomorrow"], "does not say when it expires"), (["exp": true], "does not say when it expires"),
            (["nbf": TestIssuer.now + 600], "not valid yet"), (["nbf": "now"], "nbf is no time"),
            (["iat": TestIssuer.now + 3600], "not valid yet"), (["iss": "https://issuer.example/"], "another issuer"),
            (["iss": nil], "another issuer"), (["aud": "other"], "another audience"),
            (["aud": nil], "another audience"),
            (["aud": ["x", "y"]], "another audience"), (["aud": ["dta": "dta"]], "another audience"),
            (["aud": ["dta", 5] as [any Sendable]], "another audience"),
            (["sub": 5], "sub is no text"),
        ] as [([String: (any Sendable)?], String)])
    func claims(change: [String: (any Sendable)?], reason: String) async throws {
        var claims = TestIssuer.claims()
        for (name, value) in change { claims[name] = value }
        #expect(await refusal(try issuer.token(claims: claims)).contains(reason))
    }

    @Test("clocks may differ a little, and a token may name several audiences")
    func leeway() async throws {
        let near: [String: Any?] = ["exp": TestIssuer.now - 50, "nbf": TestIssuer.now + 50, "aud": ["x", "dta"]]
        _ = try await verifier.verify(try issuer.token(claims: TestIssuer.claims(near)))
    }

    @Test("a token with something that is not understood is refused")
    func strictness() async throws {
        #expect(await refusal(try issuer.token(header: ["crit": ["b64"], "b64": false])).contains("extension"))
        #expect(await refusal(try issuer.token(header: ["typ": "dpop+jwt"])).contains("another type"))
        #expect(await refusal(try issuer.token(header: ["kid": 7])).contains("no name"))
        #expect(await refusal(try issuer.token(header: ["kid": ["d"]])).contains("no name"))
        // A key that the token brings along is nobody's.
        let jwk: [String: Any] = [
            "kty": "OKP", "crv": "Ed25519",
            "x": TestIssuer.base64(Curve25519.Signing.PrivateKey().publicKey.rawRepresentation),
        ]
        _ = try await verifier.verify(try issuer.token(header: ["jwk": jwk, "jku": "https://evil.example/keys"]))

        let token = try issuer.token()
        #expect(await refusal(token + "=") == "the token is no signed JWT")
        #expect(await refusal(token + "." + "AAAA") == "the token is no signed JWT")
        #expect(await refusal(" " + token) == "the token is no signed JWT")
        #expect(await refusal(String(repeating: "A", count: 9000)) == "the token is too long")
        // The same bytes with bits left over would be a second spelling of one signature.
        var bent = Array(token)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        bent[bent.count - 1] = alphabet[alphabet.firstIndex(of: bent[bent.count - 1])! | 1]
        #expect(await refusal(String(bent)) == "the token is no signed JWT")
        let twice = TestIssuer.base64(Array(#"{"alg":"EdDSA","alg":"none","kid":"d"}"#.utf8))
        #expect(await refusal("\(twice).\(token.split(separator: ".")[1]).AAAA") == "the token is no signed JWT")
    }

    @Test(
        "a token's name of a key is compared, and used for nothing else",
        arguments: [
            "../../etc/passwd", "' OR 1=1 --", "https://evil.example/k", "d\u{0}", "D", "d ",
            String(repeating: "d", count: 256),
        ])
    func keyNames(name: String) async throws {
        #expect(await refusal(try issuer.token(kid: name)).contains("a key that the issuer does not have"))
    }

    @Test("a token's issuer, audience and scope are compared byte by byte, whatever Unicode calls equivalent")
    func equivalentClaims() async throws {
        // The sign for kelvin is equivalent to K.
        let kelvin = try Self.verifier(issuer, fetches) { configuration in
            configuration.issuer = "K"
            configuration.audience = "K"
            configuration.operatorScope = "K"
        }
        let right: [String: Any] = ["iss": "K", "aud": ["x", "K"], "scope": "openid K"]
        _ = try await kelvin.verify(try issuer.token(claims: TestIssuer.claims(right)))
        for (name, wrong) in [("iss", "\u{212a}"), ("aud", "\u{212a}"), ("scope", "openid \u{212a}")] {
            let claims = TestIssuer.claims(right.merging([name: wrong]) { $1 })
            #expect(await refusal(try issuer.token(claims: claims), kelvin) != "it was accepted", "\(name)")
        }
    }

    @Test("made-up key names do not make the gateway ask the issuer each time")
    func asksSeldom() async throws {
        for index in 0..<50 { _ = await refusal(try issuer.token(kid: "made-up-\(index)")) }
        #expect(fetches.withLock { $0 } == 1)
    }

    @Test("keys that the issuer changes are found, old ones are forgotten, and a silent issuer is borne for a while")
    func rotation() async throws {
        let (clock, current) = (Locked<UInt64>(1_000_000_000_000), Locked<[UInt8]?>(Array(try issuer.keySet().utf8)))
        var configuration = GatewayConfiguration.Token(
            issuer: "https://issuer.example", audience: "dta", keys: .file("keys.json"))
        configuration.refreshSeconds = 300
        configuration.staleSeconds = 3600
        let source = KeySource(
            configuration, logger: silent,
            now: { clock.withLock { $0 } },
            fetch: {
                guard let keys = current.withLock({ $0 }) else { throw DTAError(.unavailable, "silent") }
                return keys
            })
        let verifier = TokenVerifier(configuration: configuration, keys: source, clock: { Double(TestIssuer.now) })
        func pass(_ seconds: UInt64) { clock.withLock { $0 += seconds * 1_000_000_000 } }
        _ = try await verifier.verify(try issuer.token())
        let next = try TestIssuer()
        let fresh = try next.keySet().replacingOccurrences(of: #""kid":""#, with: #""kid":"new-"#)
        current.withLock { $0 = Array(fresh.utf8) }
        pass(11)
        _ = try await verifier.verify(try next.token(kid: "new-d"))
        #expect(await refusal(try issuer.token(), verifier).contains("a key that the issuer does not have"))
        current.withLock { $0 = nil }
        pass(3500)
        _ = try await verifier.verify(try next.token(kid: "new-d"))
        pass(200)
        #expect(await refusal(try next.token(kid: "new-d"), verifier).contains("cannot be had"))
    }

    @Test("a claim narrows a token to identities, and one that cannot be read refuses it")
    func identities() async throws {
        func token(_ claim: Any) throws -> String {
            try issuer.token(claims: TestIssuer.claims(["dta_identity": claim]))
        }
        #expect(try await verifier.verify(try token("alice")).identities == ["alice"])
        #expect(try await verifier.verify(try token(["alice", "bob"])).identities == ["alice", "bob"])
        for wrong: Any in [5, [], [""], "", NSNull(), ["alice", 5], ["a": "b"], [String](repeating: "a", count: 17)] {
            #expect(await refusal(try token(wrong)).contains("dta_identity"), "\(wrong)")
        }
    }

    @Test("a token names an identity or has the operators' scope, and where the configuration says so neither")
    func scopes() async throws {
        func outcome(
            _ claims: [String: Any?], change: (inout GatewayConfiguration.Token) -> Void = { _ in }
        ) async throws -> String {
            let verifier = try Self.verifier(issuer, fetches, change: change)
            do {
                let found = try await verifier.verify(try issuer.token(claims: TestIssuer.claims(claims)))
                return found.identities?.joined(separator: ",") ?? "operator"
            } catch let problem as Problem {
                return "\(problem.status.code) \(problem.headers[.wwwAuthenticate] ?? "")"
            }
        }
        let insufficient = #"403 Bearer realm="dtagw", error="insufficient_scope", scope="dta:operator""#
        for scope: Any? in [
            nil, "", "dta", "dta:operators", "DTA:OPERATOR", "dta:operator,openid", ["dta"], ["dta:operator openid"],
            ["a": "dta:operator"], 5, ["dta:operator", 5] as [Any],
        ] { #expect(try await outcome(["scope": scope]) == insufficient, "\(scope ?? "none")") }
        for scope: Any in ["dta:operator", "a dta:operator b", ["a", "dta:operator"]] {
            #expect(try await outcome(["scope": scope]) == "operator", "\(scope)")
        }
        // An operator's token that names an identity is narrowed to it.
        #expect(try await outcome(["dta_identity": "alice"]) == "alice")
        #expect(try await outcome(["scope": nil, "dta_identity": "alice"]) == "alice")
        #expect(try await outcome(["scope": nil]) { $0.requiresIdentity = false } == "operator")
        #expect(try await outcome(["scope": "x:all"]) { $0.operatorScope = "x:all" } == "operator")
    }
}

private let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
