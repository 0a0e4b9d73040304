/// What is known of an identity's life where it is judged: what is not known there cannot be judged there.
public enum Standing: Sendable, Hashable {
    case current
    /// Its line goes on with the identity that this CID names, and with no other.
    case rotated(to: CID)
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
    /// Who rightly replaces an identity. Two of each authority are enough: more make no difference.
    func successors(of cid: CID) throws -> [Succession]
    /// Whom an identity rightly replaces; nil where it replaces none, or that one's document is not known.
    func predecessor(of cid: CID) throws -> CID?
    func isRevoked(_ cid: CID) throws -> Bool
}
