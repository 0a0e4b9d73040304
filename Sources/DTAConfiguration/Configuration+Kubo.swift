import DTASystem

extension Configuration {
    /// The IPFS node to which the ledger is published, and from which missing blocks are fetched. Its RPC is Kubo's.
    public struct Kubo: Sendable, Equatable {
        public enum Scheme: String, Sendable, CaseIterable { case bearer, basic }

        /// The place of the secret that the RPC asks for; it is never in the configuration itself.
        public enum Secret: Sendable, Equatable {
            /// A file that only its owner may read.
            case file(String)
            /// One of the service manager's: its name in `$CREDENTIALS_DIRECTORY`.
            case credential(String)
        }

        public struct Authorization: Sendable, Equatable {
            public var scheme: Scheme
            public var secret: Secret

            public init(scheme: Scheme, secret: Secret) {
                self.scheme = scheme
                self.secret = secret
            }
        }

        public var api: KuboEndpoint
        public var authorization: Authorization?
        /// The authorities that may vouch for the node's certificate; nil: those of this host.
        public var certificateAuthorities: String?
        /// How long connecting may take.
        public var connectMilliseconds = 3000
        /// How long sending a block to the node, and pinning it, may take.
        public var requestMilliseconds = 30_000
        /// How long a client waits for a block that is not here.
        public var readMilliseconds = 20_000
        /// The longest pause before a node that is away is asked again.
        public var retryMilliseconds = 60_000

        public init(api: KuboEndpoint) { self.api = api }
    }

    mutating func readLedger(_ top: inout Section, file: String, absolute: (String?) -> String?) throws {
        var ledger = try top.section("ledger")
        if let section = try ledger.optionalSection("kubo") {
            kubo = try Kubo(section, file: file, absolute: absolute)
        }
        try ledger.finish()
    }
}

extension Configuration.Kubo {
    fileprivate init(_ section: Section, file: String, absolute: (String?) -> String?) throws {
        var section = section
        guard let api = try section.string("api") else {
            throw DTAError(
                .invalidArgument, "\(file): ledger.kubo needs api: where the node's RPC is",
                hint: "unix:/run/ipfs/api.sock, for instance")
        }
        do {
            self.init(api: try KuboEndpoint(api))
        } catch let error as DTAError {
            throw DTAError(error.code, "\(file): ledger.kubo.api \(error.message)")
        }
        authorization = try section.authorization(file: file, absolute: absolute)
        certificateAuthorities = absolute(try section.string("ca_file"))
        guard certificateAuthorities == nil || self.api.transport == .tls else {
            throw DTAError(.invalidArgument, "\(file): ledger.kubo.ca_file is for https:// only")
        }
        connectMilliseconds = try section.int("connect_timeout_ms", in: 100...60_000) ?? connectMilliseconds
        requestMilliseconds = try section.int("request_timeout_ms", in: 1000...600_000) ?? requestMilliseconds
        readMilliseconds = try section.int("read_timeout_ms", in: 100...600_000) ?? readMilliseconds
        retryMilliseconds = try section.int("retry_max_ms", in: 100...3_600_000) ?? retryMilliseconds
        try section.finish()
    }
}

extension Section {
    fileprivate mutating func authorization(
        file: String, absolute: (String?) -> String?
    ) throws -> Configuration.Kubo.Authorization? {
        let scheme = try choice("auth", Configuration.Kubo.Scheme.self)
        let path = absolute(try string("auth_file"))
        let credential = try string("credential")
        let secret: Configuration.Kubo.Secret
        switch (path, credential) {
        case (nil, nil):
            guard scheme == nil else {
                throw DTAError(.invalidArgument, "\(file): ledger.kubo.auth needs auth_file or credential beside it")
            }
            return nil
        case (let path?, nil): secret = .file(path)
        case (nil, let name?):
            guard !name.contains("/"), !name.hasPrefix(".") else {
                throw DTAError(.invalidArgument, "\(file): ledger.kubo.credential is a name, not a path")
            }
            secret = .credential(name)
        case (_?, _?):
            throw DTAError(
                .invalidArgument, "\(file): ledger.kubo has both auth_file and credential; one of them is enough")
        }
        guard let scheme else {
            throw DTAError(.invalidArgument, "\(file): ledger.kubo needs auth: bearer or basic, as the node expects it")
        }
        return .init(scheme: scheme, secret: secret)
    }
}
