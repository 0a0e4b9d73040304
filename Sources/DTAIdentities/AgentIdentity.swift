import CustodyProtocol
import DTACore
import DTASystem

/// The agent's own identity, with which it signs the checkpoints of its audit log.
extension IdentityService {
    /// Its reserved name.
    package static let agentName = "agent"

    /// Whether the agent's own identity was made already.
    package var hasAgent: Bool { identities.newest(IdentityService.agentName) != nil }

    /// The signer of checkpoints; nil until `makeAgentIdentity` has run once on this state.
    package var signer: AuditSigner? {
        guard let record = identities.newest(IdentityService.agentName), record.owner == .agent,
            identities.damage(record.cid) == nil
        else { return nil }
        return AuditSigner(identity: record.cid, key: record.signingObject)
    }

    /// Makes the agent's identity at the first start.
    package func makeAgentIdentity(_ custodian: any Custodian) throws {
        guard identities.newest(IdentityService.agentName) == nil else { return }
        let name = IdentityService.agentName
        _ = try make(IdentityPlan(act: .create, name: name, title: name, owner: .agent), custodian)
    }

    /// Refuses to replace or revoke the agent's identity: the checkpoints of its audit log depend on it.
    func refuseAgent(_ record: IdentityRecord) throws {
        guard record.owner == .agent else { return }
        throw DTAError(
            .failedPrecondition,
            "the agent's own identity cannot be replaced or revoked: it signs the checkpoints of the audit log",
            hint: "a new state directory gets a new one")
    }

    /// Whether the agent's own signing key is on the token; true if it has none yet.
    package func agentIsOn(_ custodian: any Custodian) throws -> Bool {
        guard let agent = identities.newest(IdentityService.agentName), agent.owner == .agent else { return true }
        return try TokenCheck(custodian, .identitySigning).damage(agent.signingObject, owner: agent.owner) == nil
    }
}
