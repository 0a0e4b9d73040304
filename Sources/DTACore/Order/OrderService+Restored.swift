import CustodyProtocol
import DTAFormats
import DTASystem
import GRDB

/// What keeps a fiduciary's host from going on with an order by its rules, and how a person lets it.
extension OrderService {
    /// That an order came out of a backup and was not compared with what others have of it; nil where it was, or it is
    /// over.
    func handReason(_ record: OrderRecord) -> String? {
        guard let made = record.restored, !record.state.isOver, record.state != .frozen else { return nil }
        return "restored from a backup of \(UTCTime.text(made)): compare with the others' copies first"
    }

    /// - Throws: where an order waits for somebody who says what is to be done with it, and not only that something is.
    func requireCompared(_ record: OrderRecord) throws {
        guard let reason = handReason(record) else { return }
        throw DTAError(
            .failedPrecondition, "order \(record.reference) was \(reason)",
            hint:
                "dtactl order receive \(record.reference) asks for what they have; then --commit, --release, --refuse, or "
                + "--resume where it is complete")
    }

    /// Somebody has compared an order, and decided about it: from now on the rules are for it again.
    func noteCompared(_ record: OrderRecord) throws {
        guard record.restored != nil else { return }
        try store.write { database in
            try database.execute(sql: "UPDATE orders SET restored = NULL WHERE number = ?", arguments: [record.number])
        }
        logger.notice("a restored order goes on", metadata: ["order": "\(record.cid)"])
    }

    /// What stands in the way of an order that is not over: why, and what is next.
    func obstacle(_ record: OrderRecord, _ database: Database) throws -> (reason: String, next: String)? {
        guard !record.state.isOver else { return nil }
        let isFiduciary = try lookup.isHere(record.terms.fiduciary, KnownFacts(database: database))
        if isFiduciary, record.destroying != nil {
            return ("its secret is being destroyed", "nothing: its destruction is finished once the HSM answers")
        }
        if isFiduciary, record.state == .frozen,
            try OrderPartTable.broughtReceipt(of: record.number, in: database) != nil
        {
            return (
                record.reason, "somebody at the fiduciary looks where that comes from, and destroys it (order destroy)"
            )
        }
        if let damage = damages.withLock({ $0[record.number] }) {
            return ("its secret cannot be used: \(damage)", "nothing: its secret cannot be used")
        }
        if unbound.withLock({ $0.contains(record.number) }) {
            return (
                "its key was sealed by an earlier release, by the key's id alone",
                "an administrator at the fiduciary binds the key: dtad-hsm --bind-order-keys"
            )
        }
        guard let reason = handReason(record), isFiduciary else { return nil }
        return (reason, "somebody at the fiduciary compares it with the others' copies")
    }
}
