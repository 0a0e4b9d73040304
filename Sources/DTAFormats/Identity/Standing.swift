/// What a host knows of an identity's life. What it does not know it cannot judge.
public enum Standing: Sendable, Hashable {
    /// Nothing replaced or revoked it.
    case current
    /// Its line goes on with the identity that this CID names, and with no other.
    case rotated(to: CID)
    /// It ended for ever.
    case revoked
    /// It, or one that it descends from, has several successors that nothing reconciles: none of them is believed.
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

/// A verified claim to be what comes after an identity.
public struct Succession: Sendable, Hashable {
    public let successor: CID
    public let authority: Authority

    public init(_ successor: CID, by authority: Authority) {
        self.successor = successor
        self.authority = authority
    }
}

/// The facts on which identities are judged. All of them are verified; those whose proof is not at hand are not there.
public protocol SuccessionFacts {
    /// The identities that rightly replace an identity. Two of each authority are enough: more make no difference.
    func successors(of cid: CID) throws -> [Succession]
    /// The identity that an identity rightly replaces; nil if it replaces none, or if that one's document is not known.
    func predecessor(of cid: CID) throws -> CID?
    /// Whether an identity is revoked.
    func isRevoked(_ cid: CID) throws -> Bool
}
