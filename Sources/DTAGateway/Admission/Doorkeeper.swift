import Crypto
import DTABytes
import Hummingbird
import Logging
import NIOCore
import NIOSSL

/// Decides which clients may ask, by token, certificate or socket, and how often.
struct Doorkeeper: Sendable {
    let authentication: GatewayConfiguration.Authentication
    /// Whether certificates make peers.
    let knowsPeers: Bool
    /// The origins whose pages may ask.
    let origins: [String]
    let tokens: TokenVerifier?
    let rates: RateLimiter
    let guesses: GuessLimit

    /// - Throws: `Problem`: 401 without a valid credential, 403 if it is not enough, 429.
    func admit(_ request: Request, _ context: GatewayContext, to endpoint: Endpoint) async throws -> Client {
        switch endpoint.access {
        case .everybody:
            let client = Client(kind: .anybody, account: Doorkeeper.account(of: context))
            if endpoint.isCounted { try count(client) }
            return client
        case .clients, .peers:
            let client = try await identify(request, context)
            try count(client)
            if case .peer = client.kind, endpoint.access != .peers {
                throw Problem.forbidden(
                    "a certificate of a peer is for couriers and for orders between gateways",
                    hint: "this needs a bearer token")
            }
            return client
        }
    }

    private func identify(_ request: Request, _ context: GatewayContext) async throws -> Client {
        if authentication.none {
            try refuseForeignPages(request, context)
            return Client(kind: .anybody, account: Doorkeeper.account(of: context))
        }
        if let header = request.headers[.authorization] { return try await bearer(header, context) }
        if knowsPeers, let certificate = try await context.channel.nioSSL_peerCertificate().get() {
            let digest = Hexadecimal.encode(SHA256.hash(data: try certificate.toDERBytes()))
            return Client(kind: .peer(digest), account: .init("peer", digest))
        }
        throw refused(
            "this needs a bearer token\(knowsPeers ? " or a peer's certificate" : "")", isToken: false, context)
    }

    private func bearer(_ header: String, _ context: GatewayContext) async throws -> Client {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard let tokens, parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw refused("this way of authentication is not accepted here", isToken: false, context)
        }
        let token = String(parts[1])
        let digest = SHA256.hash(data: Array(token.utf8))
        if let seconds = guesses.wait(digest, from: context.address) { throw Doorkeeper.tooMany(seconds) }
        do {
            let claims = try await tokens.verify(token)
            guesses.accept(digest)
            let account =
                claims.subject.isEmpty
                ? RateLimiter.Account("token", token)
                : RateLimiter.Account("subject", tokens.configuration.issuer, claims.subject)
            return Client(kind: .bearer(subject: claims.subject), identities: claims.identities, account: account)
        } catch let refusal as TokenVerifier.Refusal {
            guesses.forget(digest)
            throw refused(refusal.reason, isToken: true, context)
        }
    }

    /// Fetch Metadata Request Headers, §2.3.
    private static let fetchSite = "sec-fetch-site"

    private func refused(_ reason: String, isToken: Bool, _ context: GatewayContext) -> Problem {
        if let seconds = guesses.refuse(context.address) { return Doorkeeper.tooMany(seconds) }
        return .unauthenticated(reason, scheme: isToken)
    }

    private static func account(of context: GatewayContext) -> RateLimiter.Account {
        .init("address", AddressPrefix.of(context.address))
    }

    private func count(_ client: Client) throws {
        if let seconds = rates.take(client.account) { throw Doorkeeper.tooMany(seconds) }
    }

    private static func tooMany(_ seconds: Int) -> Problem {
        var problem = Problem(.tooManyRequests, "RESOURCE_EXHAUSTED", "too many requests", hint: "wait \(seconds) s")
        problem.headers[.retryAfter] = "\(seconds)"
        return problem
    }

    /// Without authentication, a page of another site must not reach us through its visitor's browser under a name that
    /// it made point to this host.
    private func refuseForeignPages(_ request: Request, _ context: GatewayContext) throws {
        guard !context.address.isEmpty else { return }
        var host = (request.head.authority ?? "").lowercased()
        if let colon = host.lastIndex(of: ":"), !host.hasSuffix("]") { host = String(host[..<colon]) }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard host == "localhost" || ListenAddress.isLoopback(host) else {
            throw Problem.forbidden("without authentication only this host's own names are answered, not another's")
        }
        // Nor under our own name: a request without a body needs no permission (Fetch standard, CORS-safelisted).
        let origin = request.headers[.origin]
        if let origin, origins.contains(origin) { return }
        let authority = (request.head.authority ?? "").lowercased()
        let isOurs = origin.map { ["http://\(authority)", "https://\(authority)"].contains($0.lowercased()) } ?? true
        let fetchSite = request.headers.first { $0.name.canonicalName == Doorkeeper.fetchSite }?.value
        let site = fetchSite.map { ["same-origin", "none"].contains($0) } ?? true
        guard isOurs, site else {
            throw Problem.forbidden(
                "without authentication pages of other sites are not answered", hint: "cors.origins in dtagw.yaml")
        }
    }
}

/// The clients that an endpoint is for.
enum Access: Sendable {
    /// Every client.
    case everybody
    /// Bearers of tokens; every client without authentication.
    case clients
    /// Those, and peers by their certificate.
    case peers
}
