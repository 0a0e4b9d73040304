import DTAFormats
import GRDB

extension IdentityService {
    /// The standing of an identity, by the documents that are known here.
    func standing(_ cid: CID) throws -> Standing {
        try memory.withFacts(blocks.store) { try IdentityJudge($0).standing(of: cid) }
    }

    /// The same as part of a transaction; nil if the identity's document is not here, or is refuted.
    package func standing(_ cid: CID, in database: Database) throws -> Standing? {
        try memory.withFacts(in: database) { try $0.isKnown(cid) ? try IdentityJudge($0).standing(of: cid) : nil }
    }

    /// Whether an identity is trusted now.
    package func trust(_ cid: CID) throws -> Trust { try memory.withFacts(blocks.store) { try trust(cid, $0) } }

    /// The same for many.
    package func trust(_ cids: Set<CID>) throws -> [CID: Trust] {
        try memory.withFacts(blocks.store) { facts in
            Dictionary(uniqueKeysWithValues: try cids.map { ($0, try trust($0, facts)) })
        }
    }

    /// The identity that was distrusted: this one, or its nearest ancestor with a decision; nil if that was trusted, or
    /// there is none.
    package func distrusted(_ cid: CID, _ facts: KnownFacts) throws -> CID? {
        var next: CID? = cid
        for _ in 0...IdentityJudge<KnownFacts>.linkLimit {
            guard let cid = next else { return nil }
            if let row = try facts.trustRow(of: cid) { return row.isTrusted ? nil : cid }
            next = try facts.predecessor(of: cid)
        }
        return nil
    }

    /// Whether an identity is trusted, in one read with other questions.
    ///
    /// The decision about the identity itself comes first; then, going up its line, the one about the nearest ancestor.
    /// Distrust descends every link that was ever agreed to, trust only links that all hold.
    func trust(_ cid: CID, _ facts: KnownFacts) throws -> Trust {
        if try distrusted(cid, facts) != nil { return .distrusted }
        // It may have been trusted before the document came that refutes it.
        guard try facts.isKnown(cid) else { return .untrusted }
        // The nearest ancestor with a decision was trusted; a distrusted one was ruled out above.
        for ancestor in try [cid] + IdentityJudge(facts).lineage(of: cid) {
            if try own(ancestor) != nil || facts.trustRow(of: ancestor) != nil { return .trusted }
        }
        return .untrusted
    }
}
