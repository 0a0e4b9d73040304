import DTAFormats
import DTASystem
import GRDB

/// Which redemptions may be decided about here. The fiduciary takes up one at a time. Elsewhere there can be several: a
/// redeemer can send approvers one that the fiduciary never gets, and must not keep others' from being approved by that.
extension OrderService {
    /// How many of one redeemer's are looked at: the last ones. He can crowd out his own, and nobody else's.
    static let candidatesOfEach = 3

    /// The redemptions of the next use whose senders are still current, and that were not refused as far as is known
    /// here; the oldest first.
    func candidates(
        _ record: OrderRecord, _ facts: KnownFacts, in database: Database
    ) throws -> [StoredOrderPart] {
        guard record.state == .requested, let head = record.progress.head else { return [] }
        let senders = try OrderPartTable.redeemers(following: head, of: record.number, in: database).filter { sender in
            try isCurrent(sender, in: database) && party(sender, among: record.terms.redeemers, facts) != nil
        }
        let found = try senders.flatMap { sender in
            try OrderPartTable.redemptions(
                by: sender, following: head, of: record.number, atMost: OrderService.candidatesOfEach, in: database)
        }
        return found.sorted { $0.number < $1.number }
    }

    func candidates(_ record: OrderRecord) throws -> [StoredOrderPart] {
        try store.read { try candidates(record, KnownFacts(database: $0), in: $0) }
    }

    /// Those of them to which something may be released, as far as is known here.
    func answerable(_ record: OrderRecord) throws -> [StoredOrderPart] {
        try store.read { database in
            let facts = KnownFacts(database: database)
            return try candidates(record, facts, in: database).filter {
                try unanswerable($0, in: record, facts, database) == nil
            }
        }
    }

    /// The redemption that somebody decides about.
    /// - Parameters: `named`: its CID; "": the only one that there is; `use`: 0: whichever is next.
    func candidate(_ named: String, use: Int, of record: OrderRecord) throws -> StoredOrderPart {
        let wanted = try named.isEmpty ? nil : LedgerService.cid(named)
        let open = try candidates(record)
        let what = "order \(record.reference)\(use == 0 ? "" : " for use \(use)")"
        guard !open.isEmpty, use == 0 || use == record.progress.uses + 1 else {
            throw DTAError(.failedPrecondition, "no redemption of \(what) is open here")
        }
        let names = open.map { "\($0.cid)" }.joined(separator: ", ")
        guard let wanted else {
            guard let only = open.first, open.count == 1 else {
                throw DTAError(
                    .failedPrecondition, "\(open.count) redemptions of \(what) are open here: say which one",
                    hint: "open are \(names)")
            }
            return only
        }
        guard let found = open.first(where: { $0.cid == wanted }) else {
            throw DTAError(
                .failedPrecondition, "the redemption \(wanted) is none of \(what) that is open here",
                hint: "open \(open.count == 1 ? "is" : "are") \(names)")
        }
        return found
    }
}
