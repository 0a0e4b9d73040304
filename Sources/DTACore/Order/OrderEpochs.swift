import CustodyProtocol
import DTASystem
import GRDB

/// The keys under which the secrets of orders are sealed, one for up to 1,024 of them. Nothing that is sealed can be taken
/// back from every copy of a disk; a key can be destroyed, and with it what it sealed.
struct OrderEpochs: Sendable {
    /// Orders of one epoch: what a destruction has to seal again at most.
    static let size = 1024

    let store: Store
    /// The keys that this process has seen to be there.
    private let present = Locked<Set<UInt32>>([])

    init(store: Store) { self.store = store }

    /// As the token calls the key.
    static func label(_ number: UInt32) -> String { "dta/epoch/\(number)" }

    /// The epoch of which new secrets are, with its key on the token.
    func current(_ custodian: any Custodian) throws -> UInt32 {
        let number = try store.write { database -> UInt32 in
            let open = try Int64.fetchOne(
                database,
                sql: "SELECT number FROM epochs WHERE destroy_at IS NULL AND count < ? ORDER BY number DESC LIMIT 1",
                arguments: [OrderEpochs.size])
            if let open { return UInt32(open) }
            let last = try Int64.fetchOne(database, sql: "SELECT max(number) FROM epochs") ?? 0
            try database.execute(
                sql: "INSERT INTO epochs (number, created, count) VALUES (?, ?, 0)",
                arguments: [last + 1, OrderService.now])
            return UInt32(last + 1)
        }
        guard !present.withLock({ $0.contains(number) }) else { return number }
        try custodian.newEpoch(number)
        present.withLock { _ = $0.insert(number) }
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
