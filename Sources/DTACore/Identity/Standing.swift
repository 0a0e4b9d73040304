import DTAFormats

/// What is known here of an identity's life: what is not known here cannot be judged here.
public enum Standing: Sendable, Equatable {
    case current
    /// Replaced by the identity that this CID names, and by no other.
    case rotated(to: CID)
    case revoked
    /// Two successors that nothing reconciles: neither is trusted by succession.
    case conflict

    /// As it is stored and told.
    public var name: String {
        switch self {
        case .current: "current"
        case .rotated: "rotated"
        case .revoked: "revoked"
        case .conflict: "conflict"
        }
    }
}

/// Whether this host trusts an identity, and how it comes to.
public enum Trust: String, Sendable {
    /// It was trusted by name, replaces one that was by links that all verify, or has its private keys here.
    case trusted
    case untrusted
    /// Trust was taken away, which no succession gives back.
    case distrusted
}

extension IdentityService {
    /// What is known here of an identity whose document is here.
    func standing(_ cid: CID) throws -> Standing { .current }

    /// Whether an identity is trusted now.
    func trust(_ cid: CID) throws -> Trust { own(cid) == nil ? .untrusted : .trusted }
}
