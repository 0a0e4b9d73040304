import DTAFormats
import GRDB

/// What stands behind an order's state, for those who have a right to know it.
extension OrderService {
    /// That the last request for the next use was refused, and why; nil where none was, or the caller is none of those
    /// to whom the refusal is sealed.
    /// - Parameter visible: the identities for which the caller may act.
    func lastRefusal(_ record: OrderRecord, visible: Set<CID>, _ database: Database) throws -> String? {
        let use = record.progress.uses + 1
        guard let refusal = try OrderPartTable.last(.refusal, of: record.number, use: use, in: database),
            let redemption = try refusal.previous.flatMap({ try OrderPartTable.find($0, in: database) }),
            !visible.isDisjoint(with: [redemption.from, record.terms.principal, record.terms.fiduciary])
        else { return nil }
        return "the last request was refused" + (refusal.reason.isEmpty ? "" : ": \(refusal.reason)")
    }

    /// Whether a secret is to be deposited by somebody on this host. Elsewhere nobody can tell: a deposit is not sealed
    /// to the fiduciary, and may be on its way to the recipient.
    func depositIsMissing(_ record: OrderRecord, _ database: Database) throws -> Bool {
        guard record.kind == SecretPlugin(.safeguard).type.name, record.progress.deposit == nil else { return false }
        return try lookup.isHere(record.terms.principal, KnownFacts(database: database))
    }
}

extension OrderRefusal {
    /// What it says to programs.
    var shown: [(String, String)] { [("code", code)] + (winner.map { [("winner", "\($0)")] } ?? []) }
}
