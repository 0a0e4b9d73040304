import AgentProtocol
import DTABytes
import DTAFormats
import DTAOrders

extension AgentNextStep {
    init(_ next: NextStep) {
        self.init()
        step = next.step.rawValue
        by = next.role?.rawValue ?? ""
        use = UInt32(next.use)
        notBefore = next.notBefore
        notAfter = next.notAfter
        missing = UInt32(next.missing)
        depositMissing = next.depositIsMissing
        refusal = next.refusal
        rejections = UInt32(next.rejections)
        wasRefused = next.lastRefusal != nil
        refusalReason = next.lastRefusal ?? ""
    }
}

extension NextStep {
    /// For clients that know no `NextStep`: what `next` of an order says, in words that fit any of them.
    func text(_ order: OrderView) -> String {
        switch step {
        case .commit: return "the fiduciary commits to it, or refuses it"
        case .redeem:
            var words = depositIsMissing ? "the principal deposits the secret, then " : ""
            words += "a redeemer asks for it"
            if order.terms.maxUses > 1 { words += " (use \(use) of \(order.terms.maxUses))" }
            if notBefore > 0 { words += ", from \(UTCTime.text(notBefore)) on" }
            guard let lastRefusal else { return words }
            return words + "; the last request was refused" + (lastRefusal.isEmpty ? "" : ": \(lastRefusal)")
        case .approve: return "\(missing) of \(order.terms.approvals) approvals are missing, as far as is known here"
        case .release: return "the fiduciary releases it"
        case .refuse: return "\(whyNotReleased): the fiduciary refuses it"
        case .compare: return "a person at the fiduciary compares it with the others' copies"
        case .investigate: return "a person at the fiduciary finds out who made the receipt, and destroys the order"
        case .bind: return "an administrator at the fiduciary binds its key"
        case .finish: return "nothing: its destruction is finished once the HSM answers"
        case .expired: return "nothing: it expired at \(UTCTime.text(notAfter))"
        case .frozen: return "nothing: it is frozen"
        case .unusable: return "nothing: its secret cannot be used"
        }
    }

    private var whyNotReleased: String {
        if refusal == OrderRefusal.Code.replaced.rawValue {
            return "the redeemer or the recipient was replaced or revoked since it was asked for"
        }
        if rejections == 0 { return "too few approvers are left" }
        return rejections == 1 ? "1 approver said no" : "\(rejections) approvers said no"
    }
}
