/// The state of an identity, by the documents that a host knows.
public enum Standing: Sendable, Hashable {
    /// Nothing replaced or revoked it.
    case current
    /// Its line goes on with the identity of this CID only.
    case rotated(to: CID)
    /// It ended for ever.
    case revoked
    /// It, or one that it descends from, has rival successors: none of them is believed.
    case conflict

    /// As it is stored and shown.
    public enum Kind: String, Sendable, CaseIterable {
        case current, rotated, revoked, conflict
    }

    public var kind: Kind {
        switch self {
        case .current: .current
        case .rotated: .rotated
        case .revoked: .revoked
        case .conflict: .conflict
        }
    }

    public var name: String { kind.rawValue }
}

/// A verified claim to be the successor of an identity.
public struct Succession: Sendable, Hashable {
    public let successor: CID
    public let authority: Authority

    public init(_ successor: CID, by authority: Authority) {
        self.successor = successor
        self.authority = authority
    }
}

/// The facts by which identities are judged. All of them are verified; a claim without its proof is left out.
public protocol SuccessionFacts {
    /// The identities that rightly replace an identity. Two of each authority are enough to judge.
    func successors(of cid: CID) throws -> [Succession]
    /// The identity that an identity rightly replaces; nil if it replaces none, or if that one's document is not known.
    func predecessor(of cid: CID) throws -> CID?
    /// Whether an identity is revoked.
    func isRevoked(_ cid: CID) throws -> Bool
}
