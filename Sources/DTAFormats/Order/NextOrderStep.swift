/// What is to be done next with an order. The words of `NextStep` in `agent.proto`.
public enum NextOrderStep: String, Sendable, CaseIterable {
    /// The fiduciary commits to the order, or refuses it.
    case commit
    /// A redeemer asks.
    case redeem
    /// Approvers decide about what was asked.
    case approve
    /// The fiduciary releases.
    case release
    /// The fiduciary refuses: nothing can be released to what was asked.
    case refuse
    /// A person at the fiduciary compares an order that came out of a backup with what others have of it.
    case compare
    /// A person at the fiduciary finds out who made the receipt that came, and destroys the order.
    case investigate
    /// An administrator at the fiduciary binds a key that an earlier release sealed by its id.
    case bind
    /// Nothing: a destruction was begun, and goes on by itself once the HSM answers.
    case finish
    /// Nothing: its time is over.
    case expired
    /// Nothing: it is frozen.
    case frozen
    /// Nothing: its secret cannot be used.
    case unusable

    /// The party whose turn it is; nil if it is no party's.
    public var role: OrderRole? {
        switch self {
        case .commit, .release, .refuse, .compare, .investigate, .bind: .fiduciary
        case .redeem: .redeemer
        case .approve: .approver
        case .finish, .expired, .frozen, .unusable: nil
        }
    }
}

/// What an identity is in an order.
public enum OrderRole: String, Sendable, CaseIterable {
    case principal, fiduciary, beneficiary, redeemer, approver, recipient
}

/// What became of a part of an order where it came.
public enum OrderPartStatus: String, Sendable, CaseIterable {
    case accepted, refused
    /// Kept because it proves that somebody broke the rules.
    case evidence
}

/// What a person at the fiduciary decides.
public enum FiduciaryDecision: String, Sendable, CaseIterable {
    case commit, release, refuse
    /// An order that came out of a backup is as others have it: the rules are for it again.
    case resume
}
