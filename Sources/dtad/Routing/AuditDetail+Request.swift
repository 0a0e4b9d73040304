import AgentProtocol
import DTACore

extension AuditDetail {
    /// What a request says beside its subject and decides what is done (docs/audit.md).
    init(_ request: AgentRequest) {
        self.init()
        switch request.operation {
        case .envelopeOpen:
            if request.allowUntrusted { add("allow_untrusted") }
            if let asked = request.identities.first { add("asked_as", asked) }
        case .identityTrust:
            if !request.alias.isEmpty { add("alias", request.alias) }
        case .orderApprove, .orderFulfil:
            if !request.decision.isEmpty { add("decision", request.decision) }
            if !request.redemption.isEmpty { add("redemption", request.redemption) }
        case .keyUnnamed:
            if !request.decision.isEmpty { add("decision", request.decision) }
            if !request.alias.isEmpty { add("alias", request.alias) }
        case .orderEpochs:
            if !request.decision.isEmpty { add("decision", request.decision) }
        default: break
        }
    }
}
