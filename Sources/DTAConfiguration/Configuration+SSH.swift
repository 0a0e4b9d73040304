import DTASystem

extension Configuration {
    /// The socket on which the agent protocol of SSH is spoken, and what keys may sign there.
    public struct SSH: Sendable, Equatable {
        /// The path at which `dtad run` binds if it gets no such socket from systemd or on the command line; nil: there
        /// is none.
        public var socket: String?
        /// How many keys are offered to a host at most.
        public var offerAtMost = 5
        /// How long a person may take to confirm a signature, in seconds.
        public var confirmSeconds = 60
        /// Hosts that terms may name.
        public var hosts: [Host] = []
        /// What keys may sign, for all callers.
        public var keys: [KeyTerms] = []

        /// A host, by the keys that it shows to clients.
        public struct Host: Sendable, Equatable {
            public var name: String
            /// Public keys as in `.pub` files: the host's own.
            public var keys: [String]
            /// Those of authorities that vouch for the host's name.
            public var authorities: [String]
            /// Its line in the file.
            public var line: Int

            public init(name: String, keys: [String], authorities: [String] = [], line: Int = 0) {
                self.name = name
                self.keys = keys
                self.authorities = authorities
                self.line = line
            }
        }

        /// Terms of all keys whose names match a pattern.
        public struct KeyTerms: Sendable, Equatable {
            /// Patterns of key names.
            public var keys: [String]
            public var terms: Terms
            public var line: Int

            public init(keys: [String], terms: Terms, line: Int = 0) {
                self.keys = keys
                self.terms = terms
                self.line = line
            }
        }

        /// What may be signed on ssh.sock. What is not named may not.
        public struct Terms: Sendable, Equatable {
            /// Patterns of SSHSIG's namespaces.
            public var namespaces: [String] = []
            /// `*`: any log-in; else as `ssh-add -h` takes it: `[FROM>][USER@]HOST`.
            public var logins: [String] = []
            public var certificates: Certificates?
            /// Exchange hashes, as a host's key does.
            public var hostKey = false
            /// What is none of these.
            public var unknown = false
            /// What `ssh-add -T` makes up.
            public var tests = false
            /// Whether the user is asked first; nil: they are not.
            public var confirm: Confirmation?

            public init() {}
        }

        /// When the user is asked whether a key may sign.
        public enum Confirmation: String, Sendable, CaseIterable {
            /// Before each signature.
            case each
            /// Before the first one of an SSH session; if no session is known, of a connection.
            case session
        }

        /// Which certificates may be signed.
        public struct Certificates: Sendable, Equatable {
            public enum Kind: String, Sendable, CaseIterable { case user, host }

            public var kinds: [Kind] = []
            /// Patterns, one of which matches each name in the certificate.
            public var principals: [String] = []
            /// How long it may hold, in seconds.
            public var validSeconds = 86_400
            /// The critical options and extensions that it may have.
            public var options: [String] = []

            public init() {}
        }

        public init() {}
    }

    mutating func readSSH(_ top: inout Section, file: String, absolute: (String?) -> String?) throws {
        var section = try top.section("ssh")
        ssh.socket = try section.socketPath("socket", absolute)
        ssh.offerAtMost = try section.int("offer_at_most", in: 1...1000) ?? ssh.offerAtMost
        ssh.confirmSeconds = try section.int("confirm_seconds", in: 5...3600) ?? ssh.confirmSeconds
        for (line, section) in try section.sections("hosts") {
            ssh.hosts.append(try SSH.Host(section, line: line, file: file))
        }
        for (line, section) in try section.sections("keys") {
            ssh.keys.append(try SSH.KeyTerms(section, line: line, file: file))
        }
        try section.finish()
    }
}

extension Configuration.SSH.Host {
    fileprivate init(_ section: Section, line: Int, file: String) throws {
        var section = section
        self.init(
            name: try section.string("name") ?? "", keys: try section.strings("keys") ?? [],
            authorities: try section.strings("authorities") ?? [], line: line)
        try section.finish()
        if name.isEmpty { throw DTAError(.invalidArgument, "\(file):\(line): a host needs name: as terms call it") }
        if keys.isEmpty && authorities.isEmpty {
            throw DTAError(
                .invalidArgument, "\(file):\(line): a host needs keys: or authorities: by which clients know it",
                hint: "ssh-keyscan HOST shows the keys of a host; compare them with the host's own files")
        }
    }
}

extension Configuration.SSH.KeyTerms {
    fileprivate init(_ section: Section, line: Int, file: String) throws {
        var section = section
        let keys = try section.strings("keys") ?? []
        let terms = try Configuration.SSH.Terms(&section)
        try section.finish()
        if keys.isEmpty { throw DTAError(.invalidArgument, "\(file):\(line): terms need keys: patterns of names") }
        self.init(keys: keys, terms: terms, line: line)
    }
}

extension Configuration.SSH.Terms {
    init(_ section: inout Section) throws {
        self.init()
        namespaces = try section.strings("namespaces") ?? []
        logins = try section.strings("logins") ?? []
        hostKey = try section.bool("host_key") ?? false
        unknown = try section.bool("unknown") ?? false
        tests = try section.bool("tests") ?? false
        confirm = try section.choice("confirm", Configuration.SSH.Confirmation.self)
        guard var below = try section.optionalSection("certificates") else { return }
        var certificates = Configuration.SSH.Certificates()
        if let kind = try below.choice("for", Configuration.SSH.Certificates.Kind.self) { certificates.kinds = [kind] }
        certificates.principals = try below.strings("principals") ?? []
        certificates.validSeconds =
            try below.int("valid_seconds", in: 60...3_153_600_000) ?? certificates.validSeconds
        certificates.options = try below.strings("options") ?? []
        try below.finish()
        self.certificates = certificates
    }
}
