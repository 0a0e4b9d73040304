import Foundation
import TestSupport
import Testing

/// Who may ask: tokens and certificates at a real gateway.
@Suite("Admission to the gateway", .ownThread, .serialized)
struct AdmissionTests {
    private static let agent = Result { try TestAgent() }

    private func gateway(_ issuer: TestIssuer, more: String = "") throws -> TestGateway {
        try issuer.gateway(for: try Self.agent.get(), more: more)
    }

    @Test("the gateway asks for a token, and one of its issuer's is enough")
    func tokens() throws {
        let issuer = try TestIssuer()
        let gateway = try gateway(issuer)
        let without = try gateway.request("/v1/identity")
        #expect(without.status == 401 && without.code == "UNAUTHENTICATED")
        #expect(without.headers["www-authenticate"] == "Bearer realm=\"dtagw\"")
        for algorithm in ["RS256", "ES256", "EdDSA"] {
            #expect(try gateway.request("/v1/identity", bearer(try issuer.token(algorithm))).status == 200)
        }
        let stranger = try TestIssuer()
        for token in [
            try stranger.token(), try issuer.token("none"), try issuer.token("HS256", kid: "r"), "", "x", "a.b.c",
            try issuer.token(claims: TestIssuer.claims(["exp": 1])),
            try issuer.token(claims: TestIssuer.claims(["aud": "x"])),
        ] {
            let refused = try gateway.request("/v1/identity", bearer(token))
            #expect(refused.status == 401, "\(token.prefix(40))")
        }
        #expect(try gateway.request("/v1/identity", ["-u", "carol:secret"]).status == 401)
        // Neither does the Unix socket let anybody in where tokens are asked for.
        #expect(try HTTPExchangeOverSocket.status(gateway, "/v1/identity") == 401)
        #expect(try HTTPExchangeOverSocket.status(gateway, "/healthz") == 200)
        // A token is no part of a log.
        #expect(!gateway.log.contains("eyJ"))
    }

    @Test("each subject of tokens has a rate of its own, and guessing costs the guesser")
    func rates() throws {
        let issuer = try TestIssuer()
        let gateway = try gateway(issuer, more: "\nlimits: { requests_per_minute: 1, burst: 4 }")
        func ask(_ subject: String) throws -> Int {
            try gateway.request("/v1/status", bearer(try issuer.token(claims: TestIssuer.claims(["sub": subject]))))
                .status
        }
        #expect(try (0..<6).map { _ in try ask("carol") } == [200, 200, 200, 200, 429, 429])
        let dave = bearer(try issuer.token(claims: TestIssuer.claims(["sub": "dave"])))
        func askAsDave() throws -> Int { try gateway.request("/v1/status", dave).status }
        #expect(try askAsDave() == 200)
        #expect(
            try (0..<6).map { _ in try gateway.request("/v1/status", bearer("a.b.c")).status } == [
                401, 401, 401, 401, 429, 429,
            ])
        // Nobody else is locked out by it: on loopback a proxy's address is everybody's.
        #expect(try askAsDave() == 200)
        #expect(try ask("erin") == 200)
    }

    @Test("a new token of the same subject does not begin its rate anew")
    func ratesOfSubjects() throws {
        let issuer = try TestIssuer()
        let gateway = try gateway(issuer, more: "\nlimits: { requests_per_minute: 1, burst: 3 }")
        let statuses = try (0..<5).map { index in
            let claims = TestIssuer.claims(["sub": "carol", "jti": "\(index)"])
            return try gateway.request("/v1/status", bearer(try issuer.token(claims: claims))).status
        }
        #expect(statuses == [200, 200, 200, 429, 429])
    }

    @Test("keys that the issuer changes on the disk are found without a restart")
    func rotation() throws {
        let (old, new) = (try TestIssuer(), try TestIssuer())
        let gateway = try gateway(old)
        #expect(try gateway.request("/v1/status", bearer(try old.token())).status == 200)
        let keys = try new.keySet().replacingOccurrences(of: #""kid":""#, with: #""kid":"new-"#)
        try gateway.directory.write("keys.json", keys)
        let agent = try Self.agent.get()
        // Each attempt with a key that is not known yet counts as a guess.
        try agent.wait("the new keys", every: 300) {
            try gateway.request("/v1/status", bearer(try new.token(kid: "new-d"))).status == 200
        }
        #expect(try gateway.request("/v1/status", bearer(try old.token())).status == 401)
    }

    @Test("a gateway's peers show a certificate, and may bring and fetch, and nothing else")
    func peers() throws {
        let issuer = try TestIssuer()
        let directory = try TemporaryDirectory()
        try Self.makeCertificates(directory)
        func gateway(_ more: String) throws -> TestGateway {
            let tls =
                "tls: { certificate: \(directory.file("host.pem")), key: \(directory.file("host.key")), peers: \(directory.file("ca.pem")) }"
            return try TestGateway(
                agent: try Self.agent.get().socketPath, configuration: tls + more,
                files: ["keys.json": try issuer.keySet()])
        }
        let trusting = ["--cacert", directory.file("ca.pem")]
        func showing(_ name: String) -> [String] {
            trusting + ["--cert", directory.file("\(name).pem"), "--key", directory.file("\(name).key")]
        }
        let cid = "bafyreiazyzlntgw2tlwvmcyx5xzv4jdrflzlwl63uwl5eu2y77otrt3kqi"

        let both = try gateway("\n" + TestIssuer.section)
        func ask(_ path: String, _ arguments: [String]) throws -> Int {
            try both.request(both.url(path, scheme: "https"), arguments).status
        }
        #expect(try ask("/v1/status", showing("peer")) == 200)
        #expect(try ask("/v1/courier/\(cid)", showing("peer")) == 404)
        #expect(try ask("/v1/identity", showing("peer")) == 403)
        #expect(try ask("/v1/courier/\(cid)", trusting) == 401)
        #expect(try ask("/v1/identity", trusting + bearer(try issuer.token())) == 200)
        // A bad token is not made good by a certificate.
        #expect(try ask("/v1/courier/\(cid)", showing("peer") + bearer("a.b.c")) == 401)
        #expect(throws: TestFailure.self) { try ask("/v1/status", showing("stranger")) }
        #expect(throws: TestFailure.self) { try both.request("/v1/status") }
        #expect(throws: TestFailure.self) { try ask("/v1/status", trusting + ["--tls-max", "1.1"]) }

        // Where certificates are all there is, nobody connects without one.
        let only = try gateway("")
        #expect(throws: TestFailure.self) { try only.request(only.url("/healthz", scheme: "https"), trusting) }
        #expect(try only.request(only.url("/v1/status", scheme: "https"), showing("peer")).status == 200)
    }

    /// An authority, a host and a peer below it, and a stranger below another.
    private static func makeCertificates(_ directory: TemporaryDirectory) throws {
        try directory.write("san", "subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        func openssl(_ words: String) throws {
            let done = try run("sh", ["-c", "cd \(directory.path) && openssl \(words)"])
            guard done.status == 0 else { throw TestFailure(done.errors) }
        }
        for name in ["ca", "evil"] {
            try openssl(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(name).key -out \(name).pem -days 2 -subj /CN=\(name)"
            )
        }
        for (name, authority) in [("host", "ca"), ("peer", "ca"), ("stranger", "evil")] {
            try openssl(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(name).key -out \(name).csr -subj /CN=\(name)"
            )
            try openssl(
                "x509 -req -in \(name).csr -CA \(authority).pem -CAkey \(authority).key -CAcreateserial -out \(name).pem -days 2 -extfile san"
            )
        }
    }

    @Test("a key set that is not there is no open door")
    func noKeys() throws {
        let issuer = try TestIssuer()
        let gateway = try TestGateway(agent: try Self.agent.get().socketPath, configuration: TestIssuer.section)
        #expect(try gateway.request("/v1/status", bearer(try issuer.token())).status == 503)
        #expect(try gateway.request("/readyz").status == 503)
        #expect(try gateway.request("/healthz").status == 200)
    }
}
