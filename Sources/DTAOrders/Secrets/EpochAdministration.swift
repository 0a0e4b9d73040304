import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem
import GRDB

/// An epoch's key, as an administrator sees it.
package struct EpochView: Sendable {
    package let number: UInt32
    package let state: EpochState
    /// How many orders' secrets are sealed under it, as far as the database knows.
    package let orders: Int
    /// Unix seconds: when it was made; nil if that is not known.
    package let created: Int64?
    /// For an unknown one: when the known ones before and after it were made.
    package let after: Int64?
    package let before: Int64?
    /// Unix seconds.
    package let ends: Int64?
}

/// The epochs after a request.
package struct EpochList: Sendable {
    package let epochs: [EpochView]
    /// When the backup was made from which this database came last (Unix seconds); nil: it came from none.
    package let restored: Int64?
}

/// What an administrator may see and do about epochs' keys.
struct EpochAdministration: Sendable {
    let epochs: OrderEpochs
    let events: OrderEvents
    let clock: WallClock

    private var store: Store { epochs.store }

    private func requireAdministrator(_ caller: Caller, _ what: String) throws {
        guard caller.isAdministrator else {
            throw DTAError(
                .permissionDenied, "user \(caller.display) may not \(what) the keys of epochs", hint: "root can")
        }
    }

    /// The keys that are on the token, or should be.
    func list(_ caller: Caller) throws -> CustodyStep<EpochList> {
        try requireAdministrator(caller, "list")
        return { custodian in
            _ = try look(custodian)
            return try epochList()
        }
    }

    /// Destroys a key that the database does not know. Secrets that are sealed under it are lost.
    /// - Parameter subject: its number.
    func destroy(_ caller: Caller, _ subject: String) throws -> CustodyStep<EpochList> {
        try requireAdministrator(caller, "destroy")
        guard let number = UInt32(subject), "\(number)" == subject else {
            throw DTAError(.invalidArgument, "\(quoted(subject)) is no number of an epoch")
        }
        return { custodian in
            let onToken = try custodian.ask(ListEpochs())
            guard try epochs.note(onToken: onToken).unknown.contains(number) else {
                let label = OrderEpochs.label(number)
                throw onToken.contains(number)
                    ? DTAError(
                        .failedPrecondition, "the key \(label) is known here, and orders need it",
                        hint: "it goes when an order is destroyed that is sealed under it")
                    : DTAError(.notFound, "the key \(label) is not on the token")
            }
            // Never give the number again, if dtad-hsm could have given it.
            if try isNear(number) { try epochs.follow(number, custodian) }
            try events.note(
                "\(OrderEpochs.label(number)), which the database does not know, is destroyed by an administrator")
            try epochs.drop(number, custodian)
            return try epochList()
        }
    }

    /// Sets the end of all keys on the token: living secrets are sealed again, under a new key that others cannot have
    /// used.
    func renew(_ caller: Caller) throws -> CustodyStep<EpochList> {
        try requireAdministrator(caller, "renew")
        return { custodian in
            let onToken = try custodian.ask(ListEpochs())
            _ = try epochs.note(onToken: onToken)
            try store.write { database in
                // Missing keys may be on another copy of the token, together with the secrets that they sealed.
                for number in onToken { try epochs.end(number, at: clock.now, in: database) }
            }
            return try epochList()
        }
    }

    /// Whether dtad-hsm may have given an epoch's number after those that the database names.
    private func isNear(_ number: UInt32) throws -> Bool {
        let last = try store.read { try Int64.fetchOne($0, sql: "SELECT max(number) FROM epochs") ?? 0 }
        return number < EpochNumber.last && Int64(number) - max(last, 0) <= Int64(OrderEpochs.size)
    }

    /// Looks at the token's epochs: destroys again those that the database proves to be destroyed. It keeps those that
    /// the database does not know: a newer backup may need them.
    func look(_ custodian: any Custodian) throws -> OrderEpochs.Findings {
        let findings = try epochs.look(custodian)
        for number in findings.returned.sorted() {
            // A copy of the token brought it back. Receipts say that it is gone.
            try events.note(
                "\(OrderEpochs.label(number)) was destroyed and is on the token again: it is destroyed again")
            try epochs.drop(number, custodian)
        }
        return findings
    }

    /// Reports the epochs on the token that the database does not know.
    func tellUnknown() throws {
        let unknown = epochs.unknown
        guard !unknown.isEmpty else { return }
        let keys = unknown.prefix(20).map(OrderEpochs.label).joined(separator: ", ")
        events.logger.warning(
            "there are keys of epochs on the token that dtad does not know: an administrator can list them",
            metadata: ["count": "\(unknown.count)", "keys": "\(keys)"])
        try events.audit.append(event: "\(unknown.count) epochs on the token are not known to the database: \(keys)")
    }

    private func epochList() throws -> EpochList {
        let (unknown, newest) = (epochs.unknown, epochs.newest)
        return try store.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT number, created, count, destroy_at,
                      (SELECT count(*) FROM order_secrets WHERE epoch = epochs.number) AS orders
                    FROM epochs WHERE destroyed IS NULL ORDER BY number
                    """)
            var list = rows.compactMap { row -> EpochView? in
                // An invalid number has no key anywhere.
                guard let number = UInt32(exactly: row["number"] as Int64) else { return nil }
                let (count, ends): (Int, Int64?) = (row["count"], row["destroy_at"])
                let state: EpochState =
                    if epochs.isMissing(number) {
                        .missing
                    } else if ends != nil {
                        .ending
                    } else {
                        number >= newest && count < OrderEpochs.size ? .open : .full
                    }
                return EpochView(
                    number: number, state: state, orders: row["orders"], created: row["created"], after: nil,
                    before: nil, ends: ends)
            }
            for number in unknown {
                func made(_ compare: String, _ order: String) throws -> Int64? {
                    try Int64.fetchOne(
                        database,
                        sql: "SELECT created FROM epochs WHERE number \(compare) ? ORDER BY number \(order) LIMIT 1",
                        arguments: [Int64(number)])
                }
                list.append(
                    EpochView(
                        number: number, state: .unknown, orders: 0, created: nil, after: try made("<", "DESC"),
                        before: try made(">", "ASC"), ends: nil))
            }
            let restored = try Int64.fetchOne(
                database, sql: "SELECT made FROM restorations ORDER BY number DESC LIMIT 1")
            return EpochList(epochs: list.sorted { $0.number < $1.number }, restored: restored)
        }
    }
}
