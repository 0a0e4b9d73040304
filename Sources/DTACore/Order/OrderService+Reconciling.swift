import CustodyProtocol
import DTASystem
import GRDB

/// Destruction, against what is stored and what is on the token: `destroyed` means that no secret is here, and that the
/// key under which it was sealed goes.
extension OrderService {
    /// What a start does: removes what is left of secrets whose orders are destroyed, and finishes what was decided.
    func reconcile(_ custodian: any Custodian) throws {
        let post = office.post(custodian)
        let left = try store.read { database in
            try Int64.fetchAll(
                database,
                sql: """
                    SELECT in_order FROM order_secrets JOIN orders ON orders.number = in_order
                    WHERE orders.state = 'destroyed' ORDER BY in_order
                    """)
        }
        for number in left { try clearLeftover(number, post) }
        unfinished.withLock { $0 = [] }
        try finishDestructions(post)
    }

    /// Removes what is left of a secret whose order is destroyed; nothing where nothing is.
    func clearLeftover(_ number: Int64, _ post: PartPost) throws {
        let record = try book.order(number)
        guard record.state == .destroyed, let secret = try secretIfAny(of: record) else { return }
        try note("order \(record.reference) is destroyed and its secret was still here: it is removed")
        if let object = secret.object {
            defer { forget(object) }
            try post.custodian.delete(.order, id: object)
        }
        CrashPoint.reach(.orderLeftoverKeyGone)
        try store.write { try remove(secret, of: number, in: $0) }
        CrashPoint.reach(.orderLeftoverRemoved)
        try store.truncateLog()
    }

    /// Goes on with destructions that were decided, and were not finished. One that cannot be finished keeps no other
    /// from being; it is tried again at the next start, or when somebody says it again.
    func finishDestructions(_ post: PartPost) throws {
        let left = try store.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM orders WHERE destroying IS NOT NULL AND state != 'destroyed' ORDER BY number"
            ).map(OrderRecord.init)
        }
        for record in left where !unfinished.withLock({ $0.contains(record.number) }) {
            do {
                if announced.withLock({ $0.insert(record.number).inserted }) {
                    try note("order \(record.reference): its destruction was decided, and goes on")
                }
                _ = try destroy(record, post)
            } catch let error as DTAError where error.code != .unavailable {
                unfinished.withLock { _ = $0.insert(record.number) }
                logger.error(
                    "a destruction cannot be finished",
                    metadata: ["order": "\(record.cid)", "why": "\(error)"])
            }
        }
    }

    /// Tells the journal and the audit log of something that nobody asked for now.
    func note(_ event: String) throws {
        logger.notice("\(event)")
        try audit.append(event: event)
    }
}
