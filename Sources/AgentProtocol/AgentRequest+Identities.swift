/// Requests about identities.
extension AgentRequest {
    /// - Parameter recovery: SHA-256 of an offline Ed25519 key (32 bytes); empty: none.
    public static func createIdentity(
        _ name: String, recovery: some Sequence<UInt8> = [], postQuantum: Bool = false
    ) -> AgentRequest {
        var request = AgentRequest(.identityCreate, subject: name)
        request.recovery = .init(recovery)
        request.postQuantum = postQuantum
        return request
    }

    /// - Parameter identity: a name or a CID.
    public static func showIdentity(_ identity: String) -> AgentRequest {
        AgentRequest(.identityShow, subject: identity)
    }

    /// - Parameter recovery: of the new one, as for `createIdentity`; empty: the same key as before.
    public static func rotateIdentity(
        _ name: String, recovery: some Sequence<UInt8> = [], postQuantum: Bool = false
    ) -> AgentRequest {
        var request = AgentRequest(.identityRotate, subject: name)
        request.recovery = .init(recovery)
        request.postQuantum = postQuantum
        return request
    }

    /// - Parameter identity: an own one: a name or a CID.
    public static func revokeIdentity(_ identity: String) -> AgentRequest {
        AgentRequest(.identityRevoke, subject: identity)
    }

    /// The first half of a recovery.
    /// - Parameters:
    ///   - identity: what is recovered: a name or a CID.
    ///   - name: what the new one is called here.
    ///   - recovery: of the new one; empty: the same key as before.
    public static func recoverIdentity(
        _ identity: String, as name: String, recovery: some Sequence<UInt8> = [], postQuantum: Bool = false
    ) -> AgentRequest {
        var request = AgentRequest(.identityRecover, subject: name)
        request.identities = [identity]
        request.recovery = .init(recovery)
        request.postQuantum = postQuantum
        return request
    }

    /// The second half.
    /// - Parameters:
    ///   - draft: the cursor that the first half answered.
    ///   - key: the recovery key's public half, 32 bytes.
    ///   - signature: its signature (64 bytes) in the context dta/identity/1 on what the first half answered.
    public static func finishRecovery(
        _ draft: String, key: some Sequence<UInt8>, signature: some Sequence<UInt8>
    ) -> AgentRequest {
        var request = AgentRequest(.identityRecoverFinish, subject: draft, data: key)
        request.signature = .init(signature)
        return request
    }

    /// - Parameters:
    ///   - identity: a CID; an own name; or an alias, to change its URL.
    ///   - alias: what the agent's host calls it.
    ///   - url: where its courier is reached; "": as before.
    public static func trustIdentity(_ identity: String, as alias: String = "", at url: String = "") -> AgentRequest {
        var request = AgentRequest(.identityTrust, subject: identity)
        request.alias = alias
        request.url = url
        return request
    }

    /// - Parameter identity: an alias, an own name or a CID.
    public static func distrustIdentity(_ identity: String) -> AgentRequest {
        AgentRequest(.identityDistrust, subject: identity)
    }

    /// - Parameter identity: a name or a CID.
    public static func identityHistory(_ identity: String) -> AgentRequest {
        AgentRequest(.identityHistory, subject: identity)
    }
}
