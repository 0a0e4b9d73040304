import DTAFormats

/// The next step of an order, as facts: each program words it itself.
package struct NextStep: Sendable, Equatable {
    package let step: NextOrderStep
    /// Of `redeem`: which use, from 1.
    package var use = 0
    /// Of `redeem`, Unix seconds: 0, or a time in the future before which nothing is released.
    package var notBefore: Int64 = 0
    /// Of `expired`, Unix seconds.
    package var notAfter: Int64 = 0
    /// Of `approve`: how many approvals are missing, as far as is known here.
    package var missing = 0
    /// Of `redeem`: the principal is on this host, and has not deposited the secret.
    package var depositIsMissing = false
    /// Of `refuse`: why, with the code of signed refusals.
    package var refusal = ""
    /// Of `refuse`: how many approvers said no.
    package var rejections = 0
    /// Of `redeem`: what the fiduciary wrote when it refused the last request; nil: it did not, or the refusal is not
    /// sealed to the caller.
    package var lastRefusal: String?

    init(_ step: NextOrderStep) { self.step = step }

    /// The role that must act; nil: none.
    package var role: OrderRole? { depositIsMissing ? .principal : step.role }
}
