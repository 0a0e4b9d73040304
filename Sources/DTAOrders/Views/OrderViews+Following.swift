import DTACore
import DTAFormats
import DTALedger
import DTASystem
import GRDB

/// A part of an order, as its envelope's public header describes it.
package struct FollowingPart: Sendable {
    package let cid: CID
    package let kind: OrderPartKind
    package let previous: CID?
}

/// What a courier asks for a host that has one part of an order: which other parts were accepted here.
extension OrderViews {
    /// The most identities that a question is narrowed to.
    static let narrowingLimit = 1000

    /// The accepted parts of an order that are not in the chain before one of its parts, in the order in which they
    /// came. It tells only what the headers of envelopes say, and every user of this host can read those in the ledger.
    /// - Parameter subjects: CIDs of identities, one of which must have a part in the order; none: all orders.
    /// - Throws: `DTAError.notFound` if the part was accepted in no order that is known here.
    func parts(
        after subject: String, of subjects: [String], count: UInt32, cursor: String
    ) throws -> Page<FollowingPart> {
        let size = try PageSize.of(count)
        let cid = try LedgerService.cid(subject)
        let narrowed = try OrderViews.narrowing(subjects)
        guard let start = cursor.isEmpty ? 0 : Int64(cursor), start >= 0 else {
            throw DTAError(.invalidArgument, "\(quoted(cursor)) is no cursor of an order's parts")
        }
        return try store.read { database in
            guard let part = try OrderPartTable.find(cid, in: database), part.status == .accepted,
                try narrowed.isEmpty
                    || !narrowed.isDisjoint(with: OrderTable.need(part.order, in: database).terms.parties)
            else { throw DTAError(.notFound, "\(cid) was accepted in no order that is known here") }
            let found = try OrderPartTable.following(part, from: start, count: size + 1, in: database)
            let items = found.prefix(size).map { FollowingPart(cid: $0.cid, kind: $0.kind, previous: $0.previous) }
            return Page(items: items, cursor: found.count > size ? String(found[size - 1].number) : "")
        }
    }

    /// The identities that a question is narrowed to.
    static func narrowing(_ subjects: [String]) throws -> Set<CID> {
        guard subjects.count <= narrowingLimit else {
            throw DTAError(
                .invalidArgument, "at most \(narrowingLimit) identities are asked for, not \(subjects.count)")
        }
        return Set(try subjects.map(LedgerService.cid))
    }
}

extension OrderPartTable {
    /// The accepted parts of an order that are not in the chain before one of its parts, in the order in which they
    /// came.
    ///
    /// One redemption is open at a time, so uses make a chain: redemptions, approvals and releases of earlier uses come
    /// before any part of a later use.
    /// - Parameter start: after this row.
    static func following(
        _ part: StoredOrderPart, from start: Int64, count: Int, in database: Database
    ) throws -> [StoredOrderPart] {
        // The holder of a release may lack the approvals on which it rests.
        let (use, approvals) = (part.kind == .release ? part.use + 1 : part.use, part.use)
        func rows(_ kinds: [OrderPartKind], from use: Int) throws -> [StoredOrderPart] {
            try kinds.flatMap { kind in
                try Row.fetchAll(
                    database.cachedStatement(
                        sql: """
                            SELECT * FROM order_parts WHERE in_order = ? AND kind = ? AND status = 'accepted' AND use >= ?
                              AND number > ? AND cid IS NOT ? AND cid IS NOT ? ORDER BY number LIMIT ?
                            """),
                    arguments: [
                        part.order, kind.rawValue, use, start, part.cid.column, part.previous?.column, count,
                    ]
                ).map(StoredOrderPart.init)
            }
        }
        let fixed: [OrderPartKind] = (part.kind == .order ? [.commitment] : []) + [.deposit, .refusal, .destruction]
        let found =
            try rows(fixed, from: 0) + rows([.redemption, .release], from: max(use, 1))
            + rows([.approval], from: max(approvals, 1))
        return Array(found.sorted { $0.number < $1.number }.prefix(count))
    }
}
