import DTAConfiguration
import DTASSH
import DTASystem

/// When the user is asked whether a key may sign.
package typealias SSHConfirmation = Configuration.SSH.Confirmation

/// What may be signed on ssh.sock: the terms of a key or of a grant, read and checked. What they do not name may not.
package struct SSHTerms: Sendable {
    private var namespaces: [String] = []
    /// Whether any log-in may be signed, also on a connection without a binding.
    private var anyLogin = false
    private(set) var destinations: [SSHDestination] = []
    private var certificates: Configuration.SSH.Certificates?
    let isHostKey: Bool
    private var unknown = false
    private var tests = false
    /// Whether the user is asked first.
    private(set) var confirm: SSHConfirmation?

    /// The terms of a key that has none: log-ins to any host, and signed messages.
    static let standard = SSHTerms()

    private init() {
        namespaces = ["*"]
        anyLogin = true
        isHostKey = false
    }

    /// - Throws: `DTAError` that names what is wrong.
    init(_ terms: Configuration.SSH.Terms, _ hosts: SSHHosts) throws {
        namespaces = terms.namespaces
        anyLogin = terms.logins.contains("*")
        destinations = try terms.logins.filter { $0 != "*" }.map(hosts.destination)
        certificates = terms.certificates
        isHostKey = terms.hostKey
        unknown = terms.unknown
        tests = terms.tests
        confirm = terms.confirm
        let hasOthers =
            !namespaces.isEmpty || !terms.logins.isEmpty || certificates != nil || terms.unknown || terms.tests
        guard !isHostKey || (!hasOthers && confirm == nil) else {
            throw DTAError(
                .invalidArgument, "host_key: a host's key signs nothing else, so no other term stands beside it")
        }
        guard confirm == nil || hasOthers else {
            throw DTAError(
                .invalidArgument,
                "confirm: says that the user is asked, and no other term says what may be signed then",
                hint: "logins: [\"*\"] and namespaces: [\"*\"] are what a key without terms signs")
        }
        if let certificates, certificates.principals.isEmpty {
            throw DTAError(.invalidArgument, "certificates: principals: names the users or hosts that may be certified")
        }
    }

    // MARK: Judging

    /// Whether these terms allow something to be signed.
    /// - Parameter now: Unix seconds.
    /// - Returns: why not; nil: they do.
    func obstacle(_ data: SSHSignedData, on bindings: SSHBindings, now: UInt64) -> SSHObstacle? {
        switch data {
        case .login(let login):
            if anyLogin { return nil }
            guard !destinations.isEmpty else { return .loginNotNamed }
            return SSHDestinationRules.obstacle(toSign: login, with: destinations, on: bindings, now: now)
        case .message(let message):
            return namespaces.contains { SSHPattern.matches(message.namespace, $0) } ? nil : .namespaceNotNamed
        case .certificate(let certificate): return obstacle(certificate, now: now)
        case .exchangeHash: return isHostKey || unknown ? nil : .unknownData
        case .test: return tests || unknown ? nil : .unknownData
        case .unknown: return unknown ? nil : .unknownData
        }
    }

    private func obstacle(_ certificate: SSHCertificate, now: UInt64) -> SSHObstacle? {
        guard let allowed = certificates else { return .certificateNotNamed }
        let kind: Configuration.SSH.Certificates.Kind = certificate.kind == .user ? .user : .host
        guard allowed.kinds.isEmpty || allowed.kinds.contains(kind) else { return .certificateKind }
        // Without a name, a certificate would hold for all users or hosts.
        guard !certificate.principals.isEmpty,
            certificate.principals.allSatisfy({ name in
                allowed.principals.contains { SSHPattern.matches(name, $0) }
            })
        else { return .certificatePrincipals }
        let end = now.addingReportingOverflow(UInt64(allowed.validSeconds))
        guard !end.overflow, certificate.validBefore <= end.partialValue else { return .certificateTime }
        let names = (certificate.criticalOptions + certificate.extensions).map(\.name)
        guard names.allSatisfy(allowed.options.contains) else { return .certificateOptions }
        return nil
    }

    // MARK: Showing

    /// How well a key fits the host that a connection is bound to.
    enum Fit: Int, Comparable {
        case none, any, named

        static func < (one: Fit, other: Fit) -> Bool { one.rawValue < other.rawValue }
    }

    /// Whether a key with these terms can log in on this connection. Without a binding, each key fits. If a binding failed,
    /// as with a host's key of a type that is not known here, keys for all log-ins do.
    func fit(on bindings: SSHBindings, now: UInt64) -> Fit {
        if bindings.all.isEmpty { return bindings.wasAttempted && !anyLogin ? .none : .any }
        if !destinations.isEmpty,
            SSHDestinationRules.obstacle(toShow: destinations, on: bindings, now: now) == nil
        {
            return .named
        }
        return anyLogin ? .any : .none
    }

    /// Whether it lets `user` log in at a host of this name, from here.
    func letsLogIn(_ user: String, at host: String) -> Bool {
        anyLogin || destinations.contains { $0.names(user, at: host) }
    }
}

extension SSHDestination {
    /// Whether it lets `user` log in at a host of this name, from here.
    func names(_ user: String, at host: String) -> Bool {
        guard from == nil else { return false }
        if let pattern = self.user, !SSHPattern.matches(user, pattern) { return false }
        guard case .known(let name, _) = to else { return true }
        return name == host
    }
}
