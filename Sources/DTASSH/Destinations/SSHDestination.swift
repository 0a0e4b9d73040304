/// From where to where a key may be used: OpenSSH's destination constraint (PROTOCOL.agent §2).
public struct SSHDestination: Sendable, Hashable {
    /// A key by which a host is known: its own, or that of an authority that vouches for it.
    public struct KnownKey: Sendable, Hashable {
        public let key: SSHPublicKey
        public let isAuthority: Bool

        public init(_ key: SSHPublicKey, isAuthority: Bool = false) {
            self.key = key
            self.isAuthority = isAuthority
        }
    }

    /// A host.
    public enum Host: Sendable, Hashable {
        case any
        /// A host of this name, which has one of these keys, or a certificate of one of these authorities for its name.
        case known(String, [KnownKey])
    }

    /// nil: from here, without forwarding.
    public let from: Host?
    public let to: Host
    /// A pattern of users at the host; nil: all.
    public let user: String?

    public init(from: Host? = nil, to: Host, user: String? = nil) {
        self.from = from
        self.to = to
        self.user = user
    }
}

extension SSHDestination.Host {
    /// Whether a host that a connection is bound to is this one.
    /// - Parameter now: Unix seconds.
    public func matches(_ key: SSHKey, now: UInt64) -> Bool {
        guard case .known(let name, let keys) = self else { return true }
        return keys.contains { known in
            guard let certificate = key.certificate else { return !known.isAuthority && known.key == key.plain }
            return known.isAuthority && known.key == certificate.authority
                && certificate.vouches(forHost: name, now: now)
        }
    }
}

extension SSHDestination {
    /// `permitted_by_dest_constraints` of OpenSSH 9.2.
    /// - Parameters:
    ///   - from: the host that asks; nil: this one.
    ///   - to: the host to log in at, or to forward to; nil: any.
    ///   - user: at that host; nil: not known yet.
    func permits(from: SSHKey?, to: SSHKey?, user: String?, now: UInt64) -> Bool {
        switch (from, self.from) {
        case (nil, nil): break
        case (let key?, let host?): guard host.matches(key, now: now) else { return false }
        default: return false
        }
        if let to, !self.to.matches(to, now: now) { return false }
        if let user, let pattern = self.user, !SSHPattern.matches(user, pattern) { return false }
        return true
    }
}
