import AgentProtocol
import DTACourier
import DTAFormats

extension AgentOrder {
    /// The next step in words; "" if there is none.
    var nextText: String {
        switch knownStep {
        // There is none; or a newer agent knows another step, and words it itself.
        case nil: return next
        case .redeem:
            var words = nextStep.depositMissing ? "the principal deposits the secret, then " : ""
            words += "a redeemer asks for it"
            if maxUses > 1 { words += " (use \(nextStep.use) of \(maxUses))" }
            if nextStep.notBefore > 0 { words += ", from \(HumanUnits.time(unixSeconds: nextStep.notBefore)) on" }
            guard nextStep.wasRefused else { return words }
            let reason = nextStep.refusalReason
            return words + "; the last request was refused" + (reason.isEmpty ? "" : ": \(reason)")
        case .commit: return "the fiduciary commits to it, or refuses it"
        case .approve: return "\(nextStep.missing) of \(approvals) approvals are missing, as far as is known here"
        case .release: return "the fiduciary releases it"
        case .refuse: return "\(whyNotReleased): the fiduciary refuses it"
        case .compare: return "a person at the fiduciary compares it with the others' copies (order fulfil)"
        case .investigate:
            return "a person at the fiduciary finds out who made the receipt, and destroys the order (order destroy)"
        case .bind: return "an administrator at the fiduciary binds the key: dtad-hsm --bind-order-keys"
        case .finish: return "nothing: its destruction is finished once the HSM answers"
        case .expired, .frozen, .unusable: return "nothing: \(whyNotReleased)"
        }
    }

    /// Why nothing can be released: for `refuse`, and for steps that no role can take.
    var whyNotReleased: String {
        switch (knownStep, nextStep.rejections) {
        case (.expired, _): "it expired at \(HumanUnits.time(unixSeconds: nextStep.notAfter))"
        case (.frozen, _): "it is frozen"
        case (.unusable, _): "its secret cannot be used"
        case (_, 1...): "\(nextStep.rejections == 1 ? "1 approver" : "\(nextStep.rejections) approvers") said no"
        case _ where nextStep.refusal == OrderRefusal.Code.replaced.rawValue:
            "the redeemer or the recipient was replaced or revoked since it was asked for"
        default: "too few approvers are left"
        }
    }
}
