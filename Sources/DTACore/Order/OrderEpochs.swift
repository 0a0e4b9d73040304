import CustodyProtocol
import DTASystem
import GRDB

/// The keys under which the secrets of orders are sealed, one for up to 1,024 of them. Nothing that is sealed can be taken
/// back from every copy of a disk; a key can be destroyed, and with it what it sealed.
struct OrderEpochs: Sendable {
    /// Orders of one epoch: what a destruction has to seal again at most.
    static let size = 1024

    let store: Store
    private let keys = Locked(Keys())

    /// What is known of the keys on the token.
    private struct Keys {
        /// Those that this process has seen to be there.
        var present: Set<UInt32> = []
        /// Those that were not there although secrets were sealed under them: nothing takes their names again, because what
        /// they sealed would seem to be there.
        var missing: Set<UInt32> = []
        /// The highest that was there: a database that came out of a backup does not know of it.
        var last: UInt32 = 0
    }

    init(store: Store) { self.store = store }

    /// As the token calls the key.
    static func label(_ number: UInt32) -> String { "dta/epoch/\(number)" }

    /// Takes note of the epochs whose keys are on the token.
    /// - Returns: those that have none there and should, because secrets were sealed under it.
    func note(onToken: Set<UInt32>) throws -> Set<UInt32> {
        let used = try store.read { database in
            try Int64.fetchAll(
                database,
                sql: """
                    SELECT number FROM epochs WHERE count > 0 AND destroyed IS NULL
                    OR EXISTS (SELECT 1 FROM order_secrets WHERE epoch = epochs.number)
                    """)
        }
        let missing = Set(used.map { UInt32($0) }).subtracting(onToken)
        keys.withLock { $0 = Keys(present: onToken, missing: missing, last: onToken.max() ?? 0) }
        return missing
    }

    /// Whether secrets were sealed under a key that was not on the token when that was looked at.
    func isMissing(_ number: UInt32) -> Bool { keys.withLock { $0.missing.contains(number) } }

    /// The epoch of which new secrets are, with its key on the token.
    func current(_ custodian: any Custodian) throws -> UInt32 {
        let (missing, highest) = keys.withLock { ($0.missing, Int64($0.last)) }
        let number = try store.write { database -> UInt32 in
            let open = try Int64.fetchAll(
                database,
                sql: "SELECT number FROM epochs WHERE destroy_at IS NULL AND count < ? ORDER BY number DESC",
                arguments: [OrderEpochs.size]
            ).first { !missing.contains(UInt32($0)) }
            if let open { return UInt32(open) }
            let last = max(try Int64.fetchOne(database, sql: "SELECT max(number) FROM epochs") ?? 0, highest)
            try database.execute(
                sql: "INSERT INTO epochs (number, created, count) VALUES (?, ?, 0)",
                arguments: [last + 1, OrderService.now])
            return UInt32(last + 1)
        }
        guard !keys.withLock({ $0.present.contains(number) }) else { return number }
        try custodian.newEpoch(number)
        keys.withLock { _ = $0.present.insert(number) }
        return number
    }

    /// Counts a secret that is stored now.
    /// - Throws: where the epoch is to be destroyed since its number was given out.
    func use(_ number: UInt32, in database: Database) throws {
        try database.cachedStatement(
            sql: "UPDATE epochs SET count = count + 1 WHERE number = ? AND destroy_at IS NULL"
        ).execute(arguments: [Int64(number)])
        guard database.changesCount == 1 else {
            throw DTAError(
                .unavailable, "the key under which the secret was sealed is to be destroyed", hint: "try again")
        }
    }

    /// An epoch's key is to go: one of its secrets was destroyed.
    /// - Parameter at: Unix seconds; an earlier time that was set before stays.
    func end(_ number: UInt32, at: Int64, in database: Database) throws {
        try database.execute(
            sql: "UPDATE epochs SET destroy_at = min(coalesce(destroy_at, ?), ?) WHERE number = ?",
            arguments: [at, at, Int64(number)])
    }
}
