import Foundation
import TestSupport
import Testing

/// What `dtagw check` finds out before `dtagw run` does.
@Suite("dtagw check", .ownThread, .serialized)
struct CheckTests {
    private static let agent = Result { try TestAgent() }

    private func check(_ configuration: String, files: [String: String] = [:], agent: String? = nil) throws -> (
        status: Int32, text: String
    ) {
        let directory = try TemporaryDirectory()
        for (name, text) in files { try directory.write(name, text) }
        let socket = try agent ?? Self.agent.get().socketPath
        let path = try directory.write("dtagw.yaml", "agent: \(socket)\n\(configuration)\n")
        let done = try run(try Binary.path("dtagw"), ["check", "--config", path])
        return (done.status, done.text + done.errors)
    }

    @Test("an issuer's keys are read, and each that is not used is named with its reason")
    func keys() throws {
        let issuer = try TestIssuer()
        let good = try check(TestIssuer.section, files: ["keys.json": try issuer.keySet()])
        #expect(good.status == 0, "\(good.text)")
        #expect(
            good.text.contains("ok    issuer's keys  3 of ") && good.text.contains("ES256, EdDSA, RS256"),
            "\(good.text)")
        #expect(good.text.contains("warn  issuer's keys  key 3 is not used: it is of a type"), "\(good.text)")
        #expect(good.text.contains("with dta_identity or the scope dta:operator"), "\(good.text)")
        for (keys, reason) in [
            (nil, "keys.json cannot be read"), ("{\"keys\":[]}", "has no key for RS256"), ("{", "it is no JSON"),
            (
                #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#,
                "small order"
            ),
        ] {
            let bad = try check(TestIssuer.section, files: keys.map { ["keys.json": $0] } ?? [:])
            #expect(bad.status == 1 && bad.text.contains("FAIL  issuer's keys"), "\(bad.text)")
            #expect(bad.text.contains(reason), "\(bad.text)")
        }
        let narrow =
            "authentication:\n  jwt: { issuer: a, audience: b, jwks: keys.json, algorithms: [ES256], identity_required: false }"
        let ed25519 =
            #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"\#(TestIssuer.base64(issuer.ed25519.publicKey.rawRepresentation))"}]}"#
        let none = try check(narrow, files: ["keys.json": ed25519])
        #expect(none.status == 1 && none.text.contains("keys for EdDSA alone"), "\(none.text)")
        #expect(none.text.contains("warn  who may ask"), "\(none.text)")
    }

    @Test(
        "what run refuses check refuses too: paths that are too long, certificates that are not there, an agent that is away"
    )
    func refusals() throws {
        let long = "/" + String(repeating: "a", count: 107)
        let listen = try check("authentication: { none: true }\nlisten: [\"unix:\(long)\"]")
        #expect(
            listen.status == 1 && listen.text.contains("at most 107 bytes") && listen.text.contains("has 108"),
            "\(listen.text)")
        let agent = try check("authentication: { none: true }", agent: long)
        #expect(
            agent.status == 1 && agent.text.contains("agent: a socket's path has at most 107 bytes"), "\(agent.text)")
        let away = try check("authentication: { none: true }", agent: "/nonexistent/agent.sock")
        #expect(away.status == 1 && away.text.contains("FAIL  agent"), "\(away.text)")
        let fits = try check(
            "authentication: { none: true }\nlisten: [\"unix:/\(String(repeating: "a", count: 106))\"]")
        #expect(fits.status == 0, "\(fits.text)")
        let missing = try check("authentication: { none: true }\ntls: { certificate: a.pem, key: b.pem }")
        #expect(
            missing.status == 1 && missing.text.contains("tls.certificate: ") && missing.text.contains("No such file"),
            "\(missing.text)")

        let directory = try TemporaryDirectory()
        for name in ["one", "two"] {
            let made = try run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3",
                    "-subj",
                    "/CN=\(name)", "-keyout", directory.file("\(name).key"), "-out", directory.file("\(name).pem"),
                ])
            #expect(made.status == 0)
        }
        func tls(_ certificate: String, _ key: String) -> String {
            "authentication: { none: true }\ntls: { certificate: \(directory.file(certificate)), key: \(directory.file(key)) }"
        }
        let mixed = try check(tls("one.pem", "two.key"))
        #expect(mixed.status == 1 && mixed.text.contains("is not that of the certificate"), "\(mixed.text)")
        let swapped = try check(tls("one.key", "one.pem"))
        #expect(swapped.status == 1 && swapped.text.contains("FAIL  TLS"), "\(swapped.text)")
        let short = try check(tls("one.pem", "one.key"))
        #expect(
            short.status == 0 && short.text.contains("warn  TLS") && short.text.contains("expires at"), "\(short.text)")
    }
}
