import DTAFormats
import GRDB

extension IdentityService {
    /// How an identity stands, as far as it is known here: what is not known here cannot be judged here.
    func standing(_ cid: CID) throws -> Standing {
        try memory.judge(blocks.store) { try IdentityJudge($0).standing(of: cid) }
    }

    /// The same as part of a transaction; nil where the identity's document is not here, or is refuted.
    package func standing(_ cid: CID, in database: Database) throws -> Standing? {
        try memory.judge(in: database) { try $0.isKnown(cid) ? try IdentityJudge($0).standing(of: cid) : nil }
    }

    /// Whether an identity is trusted now.
    package func trust(_ cid: CID) throws -> Trust { try memory.judge(blocks.store) { try trust(cid, $0) } }

    /// The same of many.
    package func trust(_ cids: Set<CID>) throws -> [CID: Trust] {
        try memory.judge(blocks.store) { facts in
            Dictionary(uniqueKeysWithValues: try cids.map { ($0, try trust($0, facts)) })
        }
    }

    /// From whom trust was taken away: an identity, or the nearest before it of whom something was said; nil where it was
    /// not.
    package func distrusted(_ cid: CID, _ facts: KnownFacts) throws -> CID? {
        var next: CID? = cid
        for _ in 0...IdentityJudge<KnownFacts>.linkLimit {
            guard let cid = next else { return nil }
            if let row = try facts.trustRow(of: cid) { return row.isTrusted ? nil : cid }
            next = try facts.predecessor(of: cid)
        }
        return nil
    }

    /// Whether an identity is trusted, in one reading with other questions.
    ///
    /// What was said of the identity itself goes first; then, going up its line, what was said of the nearest before it.
    /// Distrust comes down every link that was ever agreed to, trust only down those that all hold.
    func trust(_ cid: CID, _ facts: KnownFacts) throws -> Trust {
        if try distrusted(cid, facts) != nil { return .distrusted }
        // It may have been trusted before the document came that refutes its own.
        guard try facts.isKnown(cid) else { return .untrusted }
        // Down a line that holds, the first of whom anything was said was trusted: else it were distrusted.
        for ancestor in try [cid] + IdentityJudge(facts).lineage(of: cid) {
            if try own(ancestor) != nil || facts.trustRow(of: ancestor) != nil { return .trusted }
        }
        return .untrusted
    }
}
