/// Whether a key that is constrained to destinations may be shown or used on a connection: the rules of
/// `identity_permitted` and `process_sign_request2` in OpenSSH 9.2's ssh-agent.c, as functions of what is known.
public enum SSHDestinationRules {
    /// Whether the key may be shown. It is shown without a binding, too: then it is a local user who looks.
    /// - Parameter now: Unix seconds.
    /// - Returns: why not; nil: it may.
    public static func obstacle(
        toShow destinations: [SSHDestination], on bindings: SSHBindings, now: UInt64
    ) -> SSHObstacle? {
        if bindings.all.isEmpty { return bindings.wasAttempted ? .bindingFailed : nil }
        return obstacle(destinations, bindings, user: nil, now: now)
    }

    /// Whether the key may sign a log-in.
    /// - Parameters:
    ///   - login: what is to be signed; nil: something else, for which no constrained key is.
    ///   - now: Unix seconds.
    /// - Returns: why not; nil: it may.
    public static func obstacle(
        toSign login: SSHLogin?, with destinations: [SSHDestination], on bindings: SSHBindings, now: UInt64
    ) -> SSHObstacle? {
        guard let last = bindings.last else { return bindings.wasAttempted ? .bindingFailed : .unbound }
        guard let login else { return .noLogin }
        if let obstacle = obstacle(destinations, bindings, user: login.user, now: now) { return obstacle }
        // ssh binds the connection immediately before it asks for the signature.
        guard login.sessionID == last.sessionID else { return .otherSession }
        // Behind the first hop a host could have the agent sign for another host, unless the log-in names its key.
        guard login.hostKey != nil || bindings.all.count == 1 else { return .hostNotNamed }
        guard login.hostKey == nil || login.hostKey == last.hostKey else { return .otherHost }
        return nil
    }

    /// `identity_permitted`.
    /// - Parameter user: nil if the key is only shown.
    private static func obstacle(
        _ destinations: [SSHDestination], _ bindings: SSHBindings, user: String?, now: UInt64
    ) -> SSHObstacle? {
        var from: SSHKey?
        for (index, hop) in bindings.all.enumerated() {
            let isLast = index == bindings.all.count - 1
            if isLast, hop.isForwarding, user != nil { return .forwardingHop }
            if !isLast, !hop.isForwarding { return .boundForLogin }
            let isPermitted = destinations.contains {
                $0.permits(from: from, to: hop.hostKey, user: isLast ? user : nil, now: now)
            }
            guard isPermitted else { return .wrongDestination }
            from = hop.hostKey
        }
        // A key that may be used to log in at a host, and not beyond it, is not shown to that host.
        if let last = bindings.last, last.isForwarding, user == nil {
            let leadsOn = destinations.contains { $0.permits(from: last.hostKey, to: nil, user: nil, now: now) }
            guard leadsOn else { return .wrongDestination }
        }
        return nil
    }
}
