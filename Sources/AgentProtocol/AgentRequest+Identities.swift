/// Requests about identities.
extension AgentRequest {
    /// Makes an identity.
    /// - Parameter name: what the caller calls it.
    /// - Parameter recovery: SHA-256 of an offline Ed25519 key (32 bytes); empty: none.
    /// - Parameter postQuantum: whether it also has an ML-DSA-65 key.
    public static func createIdentity(
        _ name: String, recovery: some Sequence<UInt8> = [], postQuantum: Bool = false
    ) -> AgentRequest {
        var request = AgentRequest(.identityCreate, subject: name)
        request.recovery = .init(recovery)
        request.postQuantum = postQuantum
        return request
    }

    /// Shows an identity, with its document.
    /// - Parameter identity: a name or a CID.
    public static func showIdentity(_ identity: String) -> AgentRequest {
        AgentRequest(.identityShow, subject: identity)
    }

    /// Replaces an identity by one with new keys.
    /// - Parameter name: an own identity's.
    /// - Parameter recovery: that of the new one, as for ``createIdentity(_:recovery:postQuantum:)``; empty: the same
    ///   key as before.
    /// - Parameter postQuantum: whether the new one has an ML-DSA-65 key, although the old one has none.
    public static func rotateIdentity(
        _ name: String, recovery: some Sequence<UInt8> = [], postQuantum: Bool = false
    ) -> AgentRequest {
        var request = AgentRequest(.identityRotate, subject: name)
        request.recovery = .init(recovery)
        request.postQuantum = postQuantum
        return request
    }

    /// Ends an identity for ever.
    /// - Parameter identity: an own one: a name or a CID.
    public static func revokeIdentity(_ identity: String) -> AgentRequest {
        AgentRequest(.identityRevoke, subject: identity)
    }

    /// Begins a recovery. The answer's `data` is the new identity, for the recovery key to sign.
    /// - Parameter identity: what is recovered: a name or a CID.
    /// - Parameter name: what the new one is called here.
    /// - Parameter recovery: that of the new one; empty: the same key as before.
    /// - Parameter postQuantum: whether the new one has an ML-DSA-65 key, although the old one has none.
    public static func recoverIdentity(
        _ identity: String, as name: String, recovery: some Sequence<UInt8> = [], postQuantum: Bool = false
    ) -> AgentRequest {
        var request = AgentRequest(.identityRecover, subject: name)
        request.identities = [identity]
        request.recovery = .init(recovery)
        request.postQuantum = postQuantum
        return request
    }

    /// Ends a recovery.
    /// - Parameter draft: the cursor that ``recoverIdentity(_:as:recovery:postQuantum:)`` answered.
    /// - Parameter key: the recovery key's public half, 32 bytes.
    /// - Parameter signature: its signature (64 bytes) in the context dta/identity/1 on what that request answered.
    public static func finishRecovery(
        _ draft: String, key: some Sequence<UInt8>, signature: some Sequence<UInt8>
    ) -> AgentRequest {
        var request = AgentRequest(.identityRecoverFinish, subject: draft, data: key)
        request.signature = .init(signature)
        return request
    }

    /// Trusts an identity on the agent's host.
    /// - Parameter identity: a CID; an own name; or an alias, to change its URL.
    /// - Parameter alias: what the agent's host calls it.
    /// - Parameter url: the address of its gateway; "": as before.
    public static func trustIdentity(_ identity: String, as alias: String = "", at url: String = "") -> AgentRequest {
        var request = AgentRequest(.identityTrust, subject: identity)
        request.alias = alias
        request.url = url
        return request
    }

    /// Distrusts an identity and its line on the agent's host.
    /// - Parameter identity: an alias, an own name or a CID.
    public static func distrustIdentity(_ identity: String) -> AgentRequest {
        AgentRequest(.identityDistrust, subject: identity)
    }

    /// Shows the identities of a line, oldest first.
    /// - Parameter identity: a name or a CID of one of them.
    public static func identityHistory(_ identity: String) -> AgentRequest {
        AgentRequest(.identityHistory, subject: identity)
    }
}
