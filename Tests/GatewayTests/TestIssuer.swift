import Crypto
import Foundation
import TestSupport

/// Issues tokens, proper ones and others, with keys of each kind. RSA is OpenSSL's.
struct TestIssuer {
    let p256 = P256.Signing.PrivateKey()
    let ed25519 = Curve25519.Signing.PrivateKey()
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        let made = try run("openssl", ["genrsa", "-out", directory.file("rsa.pem"), "2048"])
        guard made.status == 0 else { throw TestFailure(made.errors) }
    }

    static func base64(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }

    func rsaModulus() throws -> [UInt8] {
        let said = try run("openssl", ["rsa", "-in", directory.file("rsa.pem"), "-noout", "-modulus"]).text
        return try bytes(said.dropFirst("Modulus=".count))
    }

    /// The public half of RSA in PEM: what an attacker would use as an HMAC key.
    func rsaPublicPEM() throws -> [UInt8] {
        try run("openssl", ["rsa", "-in", directory.file("rsa.pem"), "-pubout"]).output
    }

    func keySet() throws -> String {
        let point = p256.publicKey.rawRepresentation
        return """
            {"keys":[
            {"kty":"RSA","kid":"r","use":"sig","n":"\(Self.base64(try rsaModulus()))","e":"AQAB"},
            {"kty":"EC","kid":"e","crv":"P-256","x":"\(Self.base64(point.prefix(32)))","y":"\(Self.base64(point.suffix(32)))"},
            {"kty":"OKP","kid":"d","crv":"Ed25519","alg":"EdDSA","x":"\(Self.base64(ed25519.publicKey.rawRepresentation))"},
            {"kty":"oct","kid":"h","k":"c2VjcmV0"},{"kty":"EC","kid":"other","crv":"secp256k1","x":"AA","y":"AA"}
            ]}
            """
    }

    /// When the tests began: those that judge times have a clock that stands still there.
    static let now = Int(Date().timeIntervalSince1970)

    /// Of an operator: without an identity it may what the gateway may.
    static func claims(_ more: [String: Any?] = [:]) -> [String: Any] {
        var claims: [String: Any] = [
            "iss": "https://issuer.example", "aud": "dta", "sub": "carol", "exp": now + 86_400, "iat": now,
            "nbf": now - 5, "scope": "openid dta:operator",
        ]
        for (name, value) in more { claims[name] = value }
        return claims
    }

    func token(
        _ algorithm: String = "EdDSA", kid: String?? = nil, header more: [String: Any] = [:],
        claims: [String: Any] = claims()
    ) throws -> String {
        var header: [String: Any] = ["alg": algorithm, "typ": "JWT"]
        let usual = ["RS256": "r", "ES256": "e", "EdDSA": "d", "Ed25519": "d"][algorithm]
        if let id = kid ?? usual { header["kid"] = id }
        header.merge(more) { $1 }
        let input =
            try Self.base64(JSONSerialization.data(withJSONObject: header)) + "."
            + Self.base64(JSONSerialization.data(withJSONObject: claims))
        return try input + "." + Self.base64(signature(algorithm, Array(input.utf8)))
    }

    func signature(_ algorithm: String, _ bytes: [UInt8]) throws -> [UInt8] {
        switch algorithm {
        case "ES256": return Array(try p256.signature(for: bytes).rawRepresentation)
        case "EdDSA", "Ed25519": return Array(try ed25519.signature(for: bytes))
        case "RS256":
            return try run("openssl", ["dgst", "-sha256", "-sign", directory.file("rsa.pem")], input: bytes).output
        case "HS256":
            return Array(HMAC<SHA256>.authenticationCode(for: bytes, using: SymmetricKey(data: try rsaPublicPEM())))
        default: return []
        }
    }
}

extension TestIssuer {
    /// What a gateway's configuration says of it.
    static let section =
        "authentication:\n  jwt: { issuer: \"https://issuer.example\", audience: dta, jwks: keys.json }"

    /// A gateway that believes it.
    func gateway(for agent: TestAgent, more: String = "", keys: String? = nil) throws -> TestGateway {
        try TestGateway(
            agent: agent.socketPath, configuration: Self.section + more, files: ["keys.json": keys ?? (try keySet())])
    }
}

/// How curl shows a token.
func bearer(_ token: String) -> [String] { ["-H", "Authorization: Bearer \(token)"] }
