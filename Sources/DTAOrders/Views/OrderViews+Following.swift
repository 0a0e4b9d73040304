import DTACore
import DTAFormats
import DTALedger
import DTASystem
import GRDB

/// A part of an order, as its envelope's header tells everybody of it.
package struct FollowingPart: Sendable {
    package let cid: CID
    package let kind: OrderPartKind
    package let previous: CID?
}

/// What a courier asks for somebody who has a part of an order: what else was accepted here.
extension OrderViews {
    /// The most identities that a question is narrowed to.
    static let narrowingLimit = 1000

    /// The accepted parts of an order that a part of it does not continue, in the order in which they came. It tells
    /// nothing but what the headers of envelopes say, and those are in the ledger, for every user of this host to read.
    /// - Parameter subjects: CIDs of identities, one of which must have a part in the order; none: all orders.
    /// - Throws: `DTAError.notFound` where the part was accepted in no order that is known here.
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
    /// The accepted parts of an order that one of its parts does not continue, in the order in which they came.
    ///
    /// One redemption is open at a time, so uses make a chain: of redemptions, approvals and releases, those of earlier
    /// uses are before any part of a later one.
    /// - Parameter start: behind this row.
    static func following(
        _ part: StoredOrderPart, from start: Int64, count: Int, in database: Database
    ) throws -> [StoredOrderPart] {
        // Who has a release may lack what it rests on.
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
