import DTAFormats
import DTASystem
import Foundation
import GRDB

/// A part of an order that came or was made here.
package struct StoredOrderPart: Sendable {
    let number: Int64
    let order: Int64
    package let cid: CID
    package let kind: OrderPartKind
    /// 0 if it is about none.
    package let use: Int
    package let from: CID
    package let previous: CID?
    /// Unix seconds: by its sender's clock, and when it came or was made here.
    package let created: Int64
    package let received: Int64
    package let status: OrderPartStatus
    /// Why it was refused; for a refusal that can be read here, its reason.
    package let reason: String
    /// Only of an approval that can be read here.
    package let decision: OrderApproval.Decision?
    let expires: Int64?
    /// The signed approval.
    let approval: [UInt8]?

    init(_ row: Row) throws {
        number = row["number"]
        order = row["in_order"]
        cid = try CID(row: row["cid"])
        guard let kind = OrderPartKind(rawValue: row["kind"]), let status = OrderPartStatus(rawValue: row["status"])
        else {
            throw DTAError(.dataLoss, "the table of orders' parts is damaged")
        }
        self.kind = kind
        self.status = status
        use = try row.whole("use")
        guard (0...OrderTerms.usesLimit).contains(use) else {
            throw DTAError(.dataLoss, "the table of orders' parts is damaged: a part is of use \(use)")
        }
        from = try CID(row: row["sender"])
        previous = try (row["previous"] as Data?).map { try CID(row: $0) }
        created = row["created"]
        received = row["received"]
        reason = row["reason"]
        decision = (row["decision"] as String?).flatMap(OrderApproval.Decision.init(rawValue:))
        expires = row["expires"]
        approval = (row["approval"] as Data?).map { [UInt8]($0) }
    }
}

/// The rows of parts.
enum OrderPartTable {
    /// The most parts of one order that are shown at a time.
    static let shown = 1000
    /// The most refused parts that an order keeps rows of: from one sender who has a part in the order, from all
    /// strangers together, and in all. Later ones are refused without a row. So no sender can use up the rows that
    /// another's refusals need, and accepted parts stay visible.
    static let refusedOfOne = 20
    static let refusedOfStrangers = 40
    static let refusedLimit = 800

    static func find(_ cid: CID, in database: Database) throws -> StoredOrderPart? {
        try Row.fetchOne(
            database.cachedStatement(sql: "SELECT * FROM order_parts WHERE cid = ?"), arguments: [cid.column]
        ).map(StoredOrderPart.init)
    }

    /// The same part, under any signature.
    static func find(innerHash: [UInt8], in database: Database) throws -> StoredOrderPart? {
        try Row.fetchOne(
            database.cachedStatement(
                sql: "SELECT * FROM order_parts WHERE inner_hash = ? ORDER BY status = 'refused', number LIMIT 1"),
            arguments: [Data(innerHash)]
        ).map(StoredOrderPart.init)
    }

    /// The last parts of an order, the oldest first.
    static func all(of order: Int64, in database: Database) throws -> [StoredOrderPart] {
        try Row.fetchAll(
            database.cachedStatement(
                sql: "SELECT * FROM order_parts WHERE in_order = ? ORDER BY number DESC LIMIT \(shown)"),
            arguments: [order]
        ).reversed().map(StoredOrderPart.init)
    }

    /// The parts that answer a part, the oldest first; approvals come last, because one approver can make many.
    static func answers(to cid: CID, in database: Database) throws -> [StoredOrderPart] {
        try Row.fetchAll(
            database.cachedStatement(
                sql: """
                    SELECT * FROM order_parts WHERE previous = ? AND status = 'accepted' ORDER BY kind = ?, number LIMIT 100
                    """), arguments: [cid.column, OrderPartKind.approval.rawValue]
        ).map(StoredOrderPart.init)
    }

    /// The makers of the accepted redemptions that follow a part.
    static func redeemers(following head: CID, of order: Int64, in database: Database) throws -> [CID] {
        try Data.fetchAll(
            database.cachedStatement(
                sql: """
                    SELECT DISTINCT sender FROM order_parts
                    WHERE previous = ? AND in_order = ? AND status = 'accepted' AND kind = ?
                    """), arguments: [head.column, order, OrderPartKind.redemption.rawValue]
        ).map(CID.init(row:))
    }

    /// The newest accepted redemptions by one sender that follow a part and were not refused, the newest first.
    static func redemptions(
        by sender: CID, following head: CID, of order: Int64, atMost limit: Int, in database: Database
    ) throws -> [StoredOrderPart] {
        try Row.fetchAll(
            database.cachedStatement(
                sql: """
                    SELECT * FROM order_parts AS part
                    WHERE previous = ? AND in_order = ? AND status = 'accepted' AND kind = ? AND sender = ?
                      AND NOT EXISTS (
                        SELECT 1 FROM order_parts WHERE previous = part.cid AND status = 'accepted' AND kind = ?)
                    ORDER BY number DESC LIMIT ?
                    """),
            arguments: [
                head.column, order, OrderPartKind.redemption.rawValue, sender.column, OrderPartKind.refusal.rawValue,
                limit,
            ]
        ).map(StoredOrderPart.init)
    }

    /// The approvals of a redemption that have not expired at `now` (Unix seconds), the newest first. Each approver can
    /// have one that has not expired, so none can crowd out the others.
    static func approvals(of redemption: CID, at now: Int64, in database: Database) throws -> [StoredOrderPart] {
        try Row.fetchAll(
            database.cachedStatement(
                sql: """
                    SELECT * FROM order_parts WHERE previous = ? AND status = 'accepted' AND kind = ? AND expires >= ?
                    ORDER BY number DESC LIMIT \(shown)
                    """), arguments: [redemption.column, OrderPartKind.approval.rawValue, now]
        ).map(StoredOrderPart.init)
    }

    /// The last accepted part of a kind, of one use or of any.
    static func last(
        _ kind: OrderPartKind, of order: Int64, use: Int? = nil, in database: Database
    ) throws -> StoredOrderPart? {
        let sql = """
            SELECT * FROM order_parts WHERE in_order = ? AND kind = ? AND status = 'accepted' AND use >= ? AND use <= ?
            ORDER BY use DESC, number DESC LIMIT 1
            """
        return try Row.fetchOne(
            database.cachedStatement(sql: sql),
            arguments: [order, kind.rawValue, use ?? 0, use ?? OrderTerms.usesLimit]
        ).map(StoredOrderPart.init)
    }

    /// Whether an order has a row for one more refused part of a sender.
    private static func hasRoom(
        for sender: CID, isStranger: Bool, in order: Int64, _ database: Database
    ) throws -> Bool {
        let refused = "SELECT count(*) FROM order_parts WHERE status = 'refused' AND in_order = ?"
        let all = try Int.fetchOne(database.cachedStatement(sql: refused), arguments: [order]) ?? 0
        let similar =
            try isStranger
            ? Int.fetchOne(database.cachedStatement(sql: refused + " AND stranger = 1"), arguments: [order])
            : Int.fetchOne(
                database.cachedStatement(sql: refused + " AND stranger = 0 AND sender = ?"),
                arguments: [order, sender.column])
        return all < refusedLimit && similar ?? 0 < (isStranger ? refusedOfStrangers : refusedOfOne)
    }

    /// Adds a part, or updates the row of one that was refused before.
    /// - Parameters: `isStranger`: for a refused part: whether no identity of its sender's line has a part in the
    ///   order; `now`: Unix seconds.
    static func insert(
        _ signed: SignedEnvelope, _ kind: OrderPartKind, in order: Int64, use: Int, status: OrderPartStatus,
        reason: String = "", approval: SignedApproval? = nil, isStranger: Bool = false, now: Int64,
        in database: Database
    ) throws {
        let header = signed.envelope.header
        if status == .refused, try find(signed.cid, in: database) == nil {
            guard try hasRoom(for: header.from, isStranger: isStranger, in: order, database) else { return }
        }
        try database.cachedStatement(
            sql: """
                INSERT INTO order_parts (in_order, cid, inner_hash, kind, use, sender, previous, created, received, status,
                  reason, decision, expires, approval, stranger) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (cid) DO UPDATE SET status = excluded.status, reason = excluded.reason, use = excluded.use,
                  decision = excluded.decision, expires = excluded.expires, approval = excluded.approval,
                  received = excluded.received
                """
        ).execute(arguments: [
            order, signed.cid.column, Data(signed.innerHash), kind.rawValue, use, header.from.column,
            header.previous?.column, header.created, now, status.rawValue, reason,
            approval?.approval.decision.rawValue, approval?.approval.expires, approval.map { Data($0.block) },
            isStranger,
        ])
    }
}
