import AgentProtocol
import DTABytes
import DTACourier
import DTAFormats

extension AgentOrder {
    /// What is to be done next, for people; "" if nothing is. `NextStep` says it to programs.
    var nextText: String {
        switch knownStep {
        // Nothing; or an agent that is newer knows another step, and says it.
        case nil: return next
        case .commit: return "the fiduciary commits to it, or refuses it"
        case .redeem:
            let deposit = nextStep.depositMissing ? "the principal deposits the secret, then " : ""
            let use = maxUses > 1 ? " (use \(nextStep.use) of \(maxUses))" : ""
            let from = nextStep.notBefore > 0 ? ", from \(UTCTime.text(nextStep.notBefore)) on" : ""
            let refused = nextStep.wasRefused ? "; the last request was refused" : ""
            let reason = nextStep.refusalReason.isEmpty ? "" : ": \(nextStep.refusalReason)"
            return "\(deposit)a redeemer asks for it\(use)\(from)\(refused)\(reason)"
        case .approve: return "approvers decide: \(nextStep.missing) of \(approvals) approvals are missing"
        case .release: return "the fiduciary releases it"
        case .refuse: return "the fiduciary refuses it: nothing can be released to this redemption"
        case .compare: return "the fiduciary compares it with the others' copies: it came out of a backup"
        case .investigate: return "the fiduciary finds out who made the receipt that came"
        case .bind: return "the fiduciary binds a key that an earlier release sealed"
        case .finish: return "nothing: its secret is being destroyed"
        case .expired: return "nothing: it expired at \(UTCTime.text(nextStep.notAfter))"
        case .frozen: return "nothing: it is frozen"
        case .unusable: return "nothing: its secret cannot be used"
        }
    }
}
