/// The rules by which identities follow each other:
///
/// - Revocation beats rotation: a revoked identity has no successor.
/// - A rotation with the recovery key's signature beats all without.
/// - Several successors of equal authority are a conflict, and none of them is believed.
/// - If an earlier identity of its line was rotated to another successor, or is in conflict, so is the identity, and so
///   are its successors.
public struct IdentityJudge<Facts: SuccessionFacts> {
    /// How many links are followed up or down a line: a bound on the work that a made-up line can cause.
    public static var linkLimit: Int { 1000 }

    private let facts: Facts

    public init(_ facts: Facts) { self.facts = facts }

    /// The standing of one identity, by its own keys and its recovery key.
    private enum Outcome: Equatable {
        case stands
        case replaced(by: CID)
        case revoked
        case conflict
    }

    private func outcome(of cid: CID) throws -> Outcome {
        if try facts.isRevoked(cid) { return .revoked }
        let claims = try facts.successors(of: cid)
        let recovered = claims.filter { $0.authority == .recovery }
        let strongest = recovered.isEmpty ? claims : recovered
        guard let first = strongest.first else { return .stands }
        return strongest.allSatisfy { $0.successor == first.successor } ? .replaced(by: first.successor) : .conflict
    }

    /// How an identity stands.
    public func standing(of cid: CID) throws -> Standing {
        let outcome = try outcome(of: cid)
        if outcome != .revoked, let elsewhere = try fateOfLine(above: cid) { return elsewhere }
        return switch outcome {
        case .stands: .current
        case .replaced(let successor): .rotated(to: successor)
        case .revoked: .revoked
        case .conflict: .conflict
        }
    }

    /// The standing of an identity because of those before it: rotated, if the line was settled there for another one;
    /// in conflict, if it was not settled. Nil if every link holds, up to the beginning or to a revoked identity: the
    /// successor of a revoked one is judged by itself.
    public func fateOfLine(above cid: CID) throws -> Standing? {
        var child = cid
        for _ in 0..<Self.linkLimit {
            guard let parent = try facts.predecessor(of: child) else { return nil }
            switch try outcome(of: parent) {
            case .replaced(let successor) where successor != child: return .rotated(to: successor)
            case .replaced: child = parent
            case .conflict: return .conflict
            case .revoked, .stands: return nil
            }
        }
        return nil
    }

    /// The end of an identity's line: itself if it is not rotated. It may be revoked or in conflict.
    public func newest(of cid: CID) throws -> (cid: CID, standing: Standing) {
        var newest = cid
        for _ in 0..<Self.linkLimit {
            guard case .rotated(let successor)? = try fateOfLine(above: newest) else { break }
            newest = successor
        }
        // Every link above holds, and each that is followed down holds as well.
        for _ in 0..<Self.linkLimit {
            guard case .replaced(let successor) = try outcome(of: newest) else { break }
            newest = successor
        }
        return (newest, try standing(of: newest))
    }

    /// The identities from which an identity descends by links that all hold, the nearest first. Their rights in an
    /// order, and their trust, are also its own.
    public func lineage(of cid: CID) throws -> [CID] {
        var lineage: [CID] = []
        var child = cid
        while lineage.count < Self.linkLimit, let parent = try facts.predecessor(of: child),
            try outcome(of: parent) == .replaced(by: child)
        {
            lineage.append(parent)
            child = parent
        }
        return lineage
    }

    /// The identities from which an identity claims, with their consent, to descend, the nearest first, whether or not
    /// the claim prevailed.
    public func ancestors(of cid: CID) throws -> [CID] {
        var ancestors: [CID] = []
        while ancestors.count < Self.linkLimit, let parent = try facts.predecessor(of: ancestors.last ?? cid) {
            ancestors.append(parent)
        }
        return ancestors
    }
}
