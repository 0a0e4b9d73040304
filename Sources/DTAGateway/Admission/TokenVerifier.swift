import DTABytes
import DTAJSON
import DTASystem
import Foundation
import Hummingbird

/// The claims of a verified token.
struct TokenClaims: Sendable, Equatable {
    /// Its subject; "" if it has none.
    var subject: String
    /// The identities to which it limits its bearer; nil: no limit.
    var identities: [String]?
}

/// Verifies signed JWTs (RFC 7519) of one issuer for one audience, as RFC 8725 advises: the key decides the algorithm,
/// every part has one spelling, and what is not understood is refused.
struct TokenVerifier: Sendable {
    /// The most bytes of a token.
    static let limit = 8192

    struct Refusal: Error, Equatable {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    let configuration: GatewayConfiguration.Token
    let keys: KeySource
    /// Unix seconds.
    var clock: @Sendable () -> Double = { Date().timeIntervalSince1970 }

    /// - Throws: `Refusal` for an invalid token, `Problem` if it cannot be verified now.
    func verify(_ token: String) async throws -> TokenClaims {
        guard token.utf8.count <= TokenVerifier.limit else { throw Refusal("the token is too long") }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64.decode(parts[0], .url), let payload = Base64.decode(parts[1], .url),
            let signature = Base64.decode(parts[2], .url), !signature.isEmpty
        else { throw Refusal("the token is no signed JWT") }
        let (algorithm, id) = try read(header: object(header))
        let candidates = try await keys.candidates(id: id, algorithm: algorithm)
        guard !candidates.isEmpty else { throw Refusal("the token names a key that the issuer does not have") }
        let signed = Array(token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
        guard candidates.contains(where: { $0.verifies(signature, of: signed) }) else {
            throw Refusal("the token's signature is wrong")
        }
        return try check(claims: object(payload))
    }

    private func object(_ bytes: [UInt8]) throws -> JSONValue {
        guard let value = try? JSONReader.read(bytes), case .object = value else {
            throw Refusal("the token is no signed JWT")
        }
        return value
    }

    private func read(header: JSONValue) throws -> (TokenAlgorithm, String?) {
        guard let name = header["alg"]?.string, let algorithm = TokenAlgorithm(named: name),
            configuration.algorithms.contains(algorithm)
        else { throw Refusal("the token is signed in a way that is not accepted") }
        // Extensions that must be understood (RFC 7515 §4.1.11): we understand none.
        guard header["crit"] == nil else { throw Refusal("the token asks for an extension that is not known") }
        if let type = header["typ"] {
            guard let text = type.string?.lowercased(), ["jwt", "at+jwt", "application/at+jwt"].contains(text) else {
                throw Refusal("the token is of another type")
            }
        }
        guard let id = header["kid"] else { return (algorithm, nil) }
        guard let text = id.string else { throw Refusal("the token's kid is no name") }
        return (algorithm, text)
    }

    private func check(claims: JSONValue) throws -> TokenClaims {
        // Texts are compared by code points (RFC 7519 §7.3), without Unicode's equivalence.
        guard claims["iss"]?.string?.hasSameBytes(as: configuration.issuer) ?? false else {
            throw Refusal("the token is of another issuer")
        }
        let audiences = texts(claims["aud"]) ?? []
        guard audiences.contains(where: { $0.hasSameBytes(as: configuration.audience) }) else {
            throw Refusal("the token is for another audience")
        }
        let now = clock()
        let leeway = Double(configuration.leewaySeconds)
        guard let expires = time(claims["exp"]) else { throw Refusal("the token does not say when it expires") }
        guard now < expires + leeway else { throw Refusal("the token has expired") }
        for name in ["nbf", "iat"] where claims[name] != nil {
            guard let start = time(claims[name]) else { throw Refusal("the token's \(name) is no time") }
            guard now >= start - leeway else { throw Refusal("the token is not valid yet") }
        }
        if let subject = claims["sub"], subject.string == nil { throw Refusal("the token's sub is no text") }
        return TokenClaims(subject: claims["sub"]?.string ?? "", identities: try identities(claims))
    }

    /// A malformed claim must not give more rights: it is refused.
    private func identities(_ claims: JSONValue) throws -> [String]? {
        let name = configuration.identityClaim
        guard let claim = claims[name] else {
            guard !configuration.requiresIdentity || isOperator(claims) else { throw insufficient }
            return nil
        }
        guard let names = texts(claim), (1...16).contains(names.count), names.allSatisfy({ !$0.isEmpty }) else {
            throw Refusal("the token's \(name) is neither a name nor a list of 1 to 16 names")
        }
        return names
    }

    /// Whether the token has the scope that lets its bearer act without an identity (RFC 8693 §4.2: words with spaces
    /// between; some issuers write a list).
    private func isOperator(_ claims: JSONValue) -> Bool {
        guard let scope = claims["scope"] else { return false }
        func isScope(_ word: some StringProtocol) -> Bool { word.hasSameBytes(as: configuration.operatorScope) }
        if let text = scope.string { return text.split(separator: " ").contains(where: isScope) }
        return texts(scope)?.contains(where: isScope) ?? false
    }

    /// A text, or a list of texts; nil for anything else, which is not read in part.
    private func texts(_ claim: JSONValue?) -> [String]? {
        guard let claim else { return nil }
        let items = claim.array ?? [claim]
        let texts = items.compactMap(\.string)
        return texts.count == items.count ? texts : nil
    }

    /// The token is valid, but not enough (RFC 6750 §3.1).
    private var insufficient: Problem {
        var problem = Problem.forbidden(
            "the token has neither the claim \(configuration.identityClaim) nor the scope \(configuration.operatorScope)",
            hint: "a token for an operator needs that scope; authentication.jwt.identity_required in dtagw.yaml")
        problem.headers[.wwwAuthenticate] =
            "Bearer realm=\"dtagw\", error=\"insufficient_scope\", scope=\"\(configuration.operatorScope)\""
        return problem
    }

    private func time(_ value: JSONValue?) -> Double? {
        switch value {
        case .integer(let seconds)?: Double(seconds)
        case .number(let seconds)?: seconds
        default: nil
        }
    }
}
