import CustodyProtocol
import DTASystem

/// The agent's own identity, with which it signs the checkpoints of its audit log.
extension IdentityService {
    /// Reserved for it.
    static let agentName = "agent"

    /// Who signs checkpoints; nil until `makeAgentIdentity` has run once on this state.
    public var signer: AuditSigner? {
        guard let entry = index.entry(IdentityService.agentName), entry.item.owner == .agent, entry.damage == nil
        else { return nil }
        return AuditSigner(identity: entry.item.cid, key: entry.item.signingObject)
    }

    /// Makes it at the first start.
    func makeAgentIdentity(_ custodian: any Custodian) throws {
        guard index.entry(IdentityService.agentName) == nil else { return }
        _ = try make(IdentityService.agentName, .agent, custodian)
    }
}
