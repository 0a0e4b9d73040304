/// Orders name identities; later ones of the same line act for them.
extension IdentityJudge {
    /// Whether an identity is one of those named, descends from one by links that all hold, or is the newest identity of
    /// the line of one.
    public func acts(_ cid: CID, forAny named: [CID]) throws -> Bool {
        if named.contains(cid) { return true }
        if try lineage(of: cid).contains(where: named.contains) { return true }
        return try named.contains { try newest(of: $0).cid == cid }
    }

    /// Whether two identities are of one line, in either order.
    public func areOneLine(_ one: CID, _ other: CID) throws -> Bool {
        try acts(one, forAny: [other]) || acts(other, forAny: [one])
    }

    /// Whether an identity may have made a part of an order with these terms. Its standing does not matter.
    public func mayMake(_ kind: OrderPartKind, as sender: CID, under terms: OrderTerms) throws -> Bool {
        switch kind {
        // It begins the thread and names its maker, which must be exactly this identity.
        case .order: sender == terms.principal
        case .deposit: try acts(sender, forAny: [terms.principal])
        case .redemption: try acts(sender, forAny: terms.redeemers)
        case .approval: try acts(sender, forAny: terms.approvers)
        case .commitment, .release, .refusal, .destruction: try acts(sender, forAny: [terms.fiduciary])
        }
    }
}
