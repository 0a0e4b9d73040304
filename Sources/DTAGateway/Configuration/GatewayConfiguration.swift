import DTAConfiguration
import DTACourier
import DTASystem

/// `dtagw.yaml`. Paths are absolute: those in the file are relative to its own directory.
public struct GatewayConfiguration: Sendable {
    /// The gateway's role, as in Milagro D-TA 0.1. Paths of other roles are not found.
    public enum Node: String, Sendable, CaseIterable { case multi, principal, fiduciary }

    public var node = Node.multi
    /// The agent's socket.
    public var agent = "/run/dtad/agent.sock"
    /// The addresses at which it listens, unless systemd passes sockets.
    public var listen: [ListenAddress] = []
    public var tls: TLS?
    /// A proxy before the gateway ends TLS, so the gateway may take tokens from other hosts without TLS of its own.
    public var isBehindProxy = false
    /// Proxies' addresses, and how they tell their clients' addresses.
    public var proxies = TrustedProxies()
    public var authentication = Authentication()
    public var orders = Orders()
    /// The origins whose pages may read answers.
    public var origins: [String] = []
    public var limits = Limits()
    /// The address for Prometheus; nil: none.
    public var metrics: ListenAddress?
    public var log = Configuration.Log()
    /// Whether the log has a line for each request.
    public var hasAccessLog = true

    /// Certificates, in PEM.
    public struct TLS: Sendable {
        public var certificate: String
        public var key: String
        /// A client with a certificate of these authorities is a peer: another gateway, or a courier.
        public var peers: String?
    }

    public struct Authentication: Sendable {
        /// No authentication: for Unix sockets and loopback only.
        public var none = false
        public var token: Token?
    }

    /// Bearer tokens (RFC 6750) that are signed JWTs (RFC 7519) of one issuer.
    public struct Token: Sendable {
        public var issuer: String
        public var audience: String
        public var keys: KeyPlace
        public var algorithms: Set<TokenAlgorithm> = Set(TokenAlgorithm.allCases)
        /// The claim that limits a token to identities: a name or CID, or a list of them.
        public var identityClaim = "dta_identity"
        /// Whether a token needs that claim, unless it has the operators' scope.
        public var requiresIdentity = true
        /// The scope whose bearers may do all that the gateway may.
        public var operatorScope = "dta:operator"
        /// How far the clocks of issuer and gateway may differ.
        public var leewaySeconds = 60
        /// How old keys may be before they are looked up again.
        public var refreshSeconds = 300
        /// How old they may be at most, if looking them up fails.
        public var staleSeconds = 86_400
        /// The authorities that may vouch for the URL's certificate; nil: those of this host.
        public var certificateAuthorities: String?
    }

    /// The place of the issuer's keys, a JWK set (RFC 7517 §5).
    public enum KeyPlace: Sendable, Equatable {
        case file(String)
        case url(String)
    }

    /// The defaults of an order through the gateway.
    public struct Orders: Sendable {
        public var principal = ""
        public var fiduciary = ""
        public var type = ""
        /// Whether released secrets pass through the gateway.
        public var releasesSecrets = false
        /// Whether the gateway carries parts to other gateways itself.
        public var carries = true
        /// The authorities that may vouch for other gateways; nil: those of this host.
        public var certificateAuthorities: String?
        /// This gateway's certificate for other gateways, in PEM.
        public var certificate: String?
        public var key: String?
        /// Bearer tokens for other gateways, by origin.
        public var tokens = CourierTokens()
    }

    /// Bounds that keep one client from starving the others.
    public struct Limits: Sendable {
        public var bodyBytes = 64 << 10
        public var headBytes = 16 << 10
        public var connections = 1024
        public var connectionsPerAddress = 64
        /// Requests at the agent at a time.
        public var agentRequests = 128
        /// CARs read or packed at a time; each may take up to 16 MiB of memory, several times over. Twice as many may
        /// be on their way from and to clients.
        public var couriers = 4
        /// How long the work for one CAR may take.
        public var courierMilliseconds = 120_000
        public var requestsPerMinute = 600
        public var burst = 100
        /// How long the head of a request may take, from the connection's beginning or the answer before.
        public var idleMilliseconds = 15_000
        /// How long a body may take.
        public var bodyMilliseconds = 30_000
        /// How long a client may take to read an answer.
        public var answerMilliseconds = 30_000
        /// How long the agent may take.
        public var agentMilliseconds = 30_000
        /// How long SIGTERM waits for running requests.
        public var drainMilliseconds = 10_000
    }

    /// Reads a configuration file.
    /// - Throws: `DTAError` with the file, the line and the key if something is wrong.
    public static func load(_ path: String) throws -> GatewayConfiguration {
        try GatewayConfiguration(try ConfigurationFile(path, reference: "docs/gateway.md"))
    }

    init(_ file: ConfigurationFile) throws {
        var top = file.top
        node = try top.choice("node", Node.self) ?? node
        agent = file.absolute(try top.string("agent")) ?? agent
        try ListenAddress.check(socketPath: agent, key: "agent", file: file)
        listen = try (top.strings("listen") ?? []).map { try ListenAddress($0, key: "listen", file: file) }
        tls = try TLS(&top, file)
        isBehindProxy = try top.bool("behind_proxy") ?? isBehindProxy
        proxies = try TrustedProxies(&top, file)
        authentication = try Authentication(&top, file)
        orders = try Orders(&top, file)
        var cors = try top.section("cors")
        origins = try cors.strings("origins") ?? []
        try cors.finish()
        for origin in origins where !isOrigin(origin) {
            throw DTAError(
                .invalidArgument, "\(file.path): cors.origins: \"\(origin)\" is no origin",
                hint: "scheme, host and port without a path: https://app.example")
        }
        limits = try Limits(&top)
        var watching = try top.section("metrics")
        metrics = try watching.string("listen").map { try ListenAddress($0, key: "metrics.listen", file: file) }
        try watching.finish()
        log = try Configuration.Log(&top)
        hasAccessLog = try top.bool("access_log") ?? hasAccessLog
        try top.finish()
        try check(file.path)
    }

    /// Checks of keys that depend on each other.
    private func check(_ file: String) throws {
        guard authentication.none || authentication.token != nil || tls?.peers != nil else {
            throw DTAError(
                .invalidArgument, "\(file): nothing says who may ask",
                hint: "authentication.jwt, tls.peers, or authentication.none: true on a Unix socket or loopback")
        }
        guard !authentication.none || (authentication.token == nil && tls?.peers == nil) else {
            throw DTAError(
                .invalidArgument, "\(file): authentication.none: true makes authentication.jwt and tls.peers pointless",
                hint: "leave one of them out")
        }
        guard !authentication.none || (!isBehindProxy && proxies == TrustedProxies()) else {
            let key = isBehindProxy ? "behind_proxy" : "proxy"
            throw DTAError(
                .invalidArgument,
                "\(file): authentication.none: true does not go with \(key): every client of the proxy would pass for this host",
                hint: "ask for tokens, or leave \(key) out")
        }
        for address in listen { try check(address, file) }
    }

    private func check(_ address: ListenAddress, _ file: String) throws {
        guard !address.isLocal else { return }
        guard tls != nil || isBehindProxy || authentication.none else {
            throw DTAError(
                .invalidArgument, "\(file): tokens would come to \(address) readable by others on the network",
                hint: "tls.certificate and tls.key, or behind_proxy: true if something before it has TLS")
        }
        guard authentication.none else { return }
        throw DTAError(
            .invalidArgument, "\(file): authentication.none: true does not go with \(address): other hosts reach it",
            hint: "listen on a Unix socket, 127.0.0.1 or [::1], or ask for tokens")
    }
}

/// Whether it is a web origin as a browser sends it (RFC 6454 §6.2).
private func isOrigin(_ text: String) -> Bool {
    for scheme in ["https://", "http://"] where text.hasPrefix(scheme) {
        let host = text.dropFirst(scheme.count)
        return !host.isEmpty && host.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-.:[]".contains($0)) }
    }
    return false
}
