import DTAFormats
import DTAIdentities
import DTASystem
import GRDB

/// What explains an order's state, for callers who have a right to know it.
extension OrderViews {
    /// Why the last request for the next use was refused; nil if none was, or the refusal is not sealed to the caller.
    /// - Parameter visible: the identities for which the caller may act.
    func lastRefusal(_ record: OrderRecord, visible: Set<CID>, _ database: Database) throws -> String? {
        let use = record.progress.uses + 1
        guard let refusal = try OrderPartTable.last(.refusal, of: record.number, use: use, in: database),
            let redemption = try refusal.previous.flatMap({ try OrderPartTable.find($0, in: database) }),
            !visible.isDisjoint(with: [redemption.from, record.terms.principal, record.terms.fiduciary])
        else { return nil }
        return refusal.reason
    }

    /// Whether a principal on this host still has to deposit a secret. Other hosts cannot tell: a deposit is not sealed
    /// to the fiduciary, and may be on its way to the recipient.
    func depositIsMissing(_ record: OrderRecord, _ database: Database) throws -> Bool {
        guard plugins.hooks(record.kind).takesDeposit, record.progress.deposit == nil else { return false }
        return try lookup.isHere(record.terms.principal, KnownFacts(database: database))
    }

    /// What blocks an order that is not over: why, and the next step.
    func obstacle(_ record: OrderRecord, _ database: Database) throws -> (reason: String, next: NextOrderStep)? {
        guard !record.state.isOver else { return nil }
        let isFiduciary = try lookup.isHere(record.terms.fiduciary, KnownFacts(database: database))
        if isFiduciary, record.destroying != nil {
            return ("its secret is being destroyed", .finish)
        }
        if isFiduciary, record.state == .frozen,
            try OrderPartTable.broughtReceipt(of: record.number, in: database) != nil
        {
            return (record.reason, .investigate)
        }
        if let damage = health.damage(of: record.number) {
            return ("its secret cannot be used: \(damage)", .unusable)
        }
        if health.isUnbound(record.number) {
            return ("its key was sealed by an earlier release, by the key's id alone", .bind)
        }
        guard let reason = record.handReason, isFiduciary else { return nil }
        return (reason, .compare)
    }

    /// The next step if nothing can be released to any of the redemptions that are open here; nil if something can.
    func nextOfUnanswerable(_ record: OrderRecord, _ database: Database) throws -> NextStep? {
        guard record.state == .requested, let open = record.progress.open,
            let asked = try OrderPartTable.find(open, in: database)
        else { return nil }
        let facts = KnownFacts(database: database)
        guard let refusal = try book.redemptions.refusal(of: asked, in: record, facts, database) else { return nil }
        let others = try book.redemptions.all(record, facts, in: database).filter { $0.cid != open }
        guard try others.allSatisfy({ try book.redemptions.refusal(of: $0, in: record, facts, database) != nil }) else {
            return nil
        }
        guard [.rejected, .replaced].contains(refusal.code) else { return nil }
        var next = NextStep(.refuse)
        next.refusal = refusal.code.rawValue
        next.rejections = refusal.code == .rejected ? refusal.count : 0
        return next
    }
}

extension OrderRefusal {
    /// The refusal's facts for programs.
    var shown: [(String, String)] { [("code", code)] + (winner.map { [("winner", "\($0)")] } ?? []) }
}
