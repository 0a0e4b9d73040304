import DTAConfiguration
import DTASystem

extension GatewayConfiguration.TLS {
    init?(_ top: inout Section, _ file: ConfigurationFile) throws {
        guard var section = try top.optionalSection("tls") else { return nil }
        guard let certificate = file.absolute(try section.string("certificate")),
            let key = file.absolute(try section.string("key"))
        else { throw DTAError(.invalidArgument, "\(file.path): tls needs certificate and key") }
        self.init(certificate: certificate, key: key, peers: file.absolute(try section.string("peers")))
        try section.finish()
    }
}

extension TrustedProxies {
    init(_ top: inout Section, _ file: ConfigurationFile) throws {
        self.init()
        var section = try top.section("proxy")
        for text in try section.strings("addresses") ?? [] where !add(text) {
            throw DTAError(
                .invalidArgument, "\(file.path): proxy.addresses: \"\(text)\" is neither an address nor a network",
                hint: "192.0.2.7, 10.0.0.0/8, fd00::/8, or unix for those who connect over the Unix socket")
        }
        clientAddress = try section.choice("client_address", ClientAddress.self) ?? clientAddress
        try section.finish()
        guard clientAddress == .none || hasUnixSocket || !networks.isEmpty else {
            throw DTAError(
                .invalidArgument, "\(file.path): proxy.client_address needs proxy.addresses",
                hint: "only a proxy of your own may tell its clients' addresses: name its address")
        }
    }
}

extension GatewayConfiguration.Authentication {
    init(_ top: inout Section, _ file: ConfigurationFile) throws {
        var section = try top.section("authentication")
        none = try section.bool("none") ?? false
        if let jwt = try section.optionalSection("jwt") { token = try GatewayConfiguration.Token(jwt, file) }
        try section.finish()
    }
}

extension GatewayConfiguration.Token {
    fileprivate init(_ section: Section, _ file: ConfigurationFile) throws {
        var section = section
        guard let issuer = try section.string("issuer"), let audience = try section.string("audience"),
            let place = try section.string("jwks")
        else {
            throw DTAError(
                .invalidArgument, "\(file.path): authentication.jwt needs issuer, audience and jwks",
                hint: "jwks is a file or an https:// URL with the issuer's public keys")
        }
        let keys: GatewayConfiguration.KeyPlace
        if place.contains("://") {
            guard place.hasPrefix("https://") else {
                throw DTAError(
                    .invalidArgument, "\(file.path): authentication.jwt.jwks must be a file or an https:// URL",
                    hint: "a host that can change the keys on the network can pass for any client")
            }
            keys = .url(place)
        } else {
            keys = .file(file.absolute(place) ?? place)
        }
        self.init(issuer: issuer, audience: audience, keys: keys)
        if let names = try section.strings("algorithms") {
            algorithms = Set(
                try names.map { name in
                    guard let algorithm = TokenAlgorithm(named: name) else {
                        let known = TokenAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
                        throw DTAError(
                            .invalidArgument,
                            "\(file.path): authentication.jwt.algorithms: \"\(name)\" is none of \(known)")
                    }
                    return algorithm
                })
        }
        identityClaim = try section.string("identity_claim") ?? identityClaim
        requiresIdentity = try section.bool("identity_required") ?? requiresIdentity
        operatorScope = try section.string("operator_scope") ?? operatorScope
        leewaySeconds = try section.int("leeway_s", in: 0...600) ?? leewaySeconds
        refreshSeconds = try section.int("refresh_s", in: 1...86_400) ?? refreshSeconds
        staleSeconds = try section.int("stale_s", in: 1...604_800) ?? staleSeconds
        certificateAuthorities = file.absolute(try section.string("ca_file"))
        try section.finish()
        // RFC 6749 §3.3: a scope is one word.
        guard !operatorScope.isEmpty,
            operatorScope.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c })
        else {
            throw DTAError(
                .invalidArgument, "\(file.path): authentication.jwt.operator_scope must be one word",
                hint: "the word that operators' tokens have in their claim scope: dta:operator")
        }
        guard !algorithms.isEmpty else {
            throw DTAError(.invalidArgument, "\(file.path): authentication.jwt.algorithms is empty")
        }
    }
}

extension GatewayConfiguration.Orders {
    init(_ top: inout Section, _ file: ConfigurationFile) throws {
        var section = try top.section("orders")
        principal = try section.string("principal") ?? principal
        fiduciary = try section.string("fiduciary") ?? fiduciary
        type = try section.string("type") ?? type
        releasesSecrets = try section.bool("release_secrets") ?? releasesSecrets
        carries = try section.bool("carry") ?? carries
        certificateAuthorities = file.absolute(try section.string("ca_file"))
        certificate = file.absolute(try section.string("certificate"))
        key = file.absolute(try section.string("key"))
        for (url, path) in try section.pairs("tokens") {
            do {
                try tokens.add(url, file: file.absolute(path) ?? path)
            } catch let error as DTAError {
                throw DTAError(error.code, "\(file.path): orders.tokens: \(error.message)", hint: error.hint)
            }
        }
        try section.finish()
        guard (certificate == nil) == (key == nil) else {
            throw DTAError(.invalidArgument, "\(file.path): orders.certificate and orders.key go together")
        }
    }
}

extension GatewayConfiguration.Limits {
    init(_ top: inout Section) throws {
        var section = try top.section("limits")
        bodyBytes = try section.int("body_bytes", in: 1024...(1 << 20)) ?? bodyBytes
        headBytes = try section.int("head_bytes", in: 1024...(64 << 10)) ?? headBytes
        connections = try section.int("connections", in: 1...65_536) ?? connections
        connectionsPerAddress = try section.int("connections_per_address", in: 1...65_536) ?? connectionsPerAddress
        agentRequests = try section.int("agent_requests", in: 1...1024) ?? agentRequests
        couriers = try section.int("couriers", in: 1...64) ?? couriers
        courierMilliseconds = try section.int("courier_ms", in: 1000...3_600_000) ?? courierMilliseconds
        requestsPerMinute = try section.int("requests_per_minute", in: 1...10_000_000) ?? requestsPerMinute
        burst = try section.int("burst", in: 1...1_000_000) ?? burst
        idleMilliseconds = try section.int("idle_ms", in: 100...600_000) ?? idleMilliseconds
        bodyMilliseconds = try section.int("body_ms", in: 100...600_000) ?? bodyMilliseconds
        answerMilliseconds = try section.int("answer_ms", in: 100...600_000) ?? answerMilliseconds
        agentMilliseconds = try section.int("agent_ms", in: 100...600_000) ?? agentMilliseconds
        drainMilliseconds = try section.int("drain_ms", in: 0...600_000) ?? drainMilliseconds
        try section.finish()
    }
}
