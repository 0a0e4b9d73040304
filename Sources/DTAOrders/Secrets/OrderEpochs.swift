import CustodyProtocol
import DTACore
import DTASystem
import GRDB

/// The keys under which the secrets of orders are sealed, one for up to 1,024 of them. A sealed secret cannot be
/// removed from every copy of a disk, but its key can be destroyed, and then no copy can be opened.
///
/// dtad-hsm seals only under the newest epoch on the token, and makes only the epoch that follows it.
package struct OrderEpochs: Sendable {
    /// Orders of one epoch: the most that a destruction has to seal again.
    static let size = 1024
    /// How many of the epochs that the database names the token may lack, if it is an older copy.
    private static let gapLimit: UInt32 = 1024

    let store: Store
    let clock: WallClock
    private let keys = Locked(Keys())

    /// What is known of the keys on the token.
    private struct Keys {
        /// Those that are there.
        var present: Set<UInt32> = []
        /// Those that were missing although secrets were sealed under them: their numbers are not used again, because
        /// their secrets would seem to be there.
        var missing: Set<UInt32> = []
        /// Those that are on the token but not in the database.
        var unknown: Set<UInt32> = []

        var newest: UInt32 { EpochNumber.newest(present) }
    }

    /// The differences between the token and the database.
    struct Findings: Sendable {
        /// Secrets were sealed under them, but they are not on the token.
        var missing: Set<UInt32> = []
        /// They are on the token, but not in the database.
        var unknown: Set<UInt32> = []
        /// The database says that they are destroyed, but they are on the token.
        var returned: Set<UInt32> = []
    }

    init(store: Store, clock: WallClock) {
        self.store = store
        self.clock = clock
    }

    /// The key's label on the token.
    package static func label(_ number: UInt32) -> String { "dta/epoch/\(number)" }

    /// An epoch's number, read from the database.
    static func number(_ stored: Int64) throws -> UInt32 {
        guard let number = UInt32(exactly: stored), (1...EpochNumber.last).contains(number) else {
            throw DTAError(.dataLoss, "the database is damaged: it names an epoch \(stored), and no token has that")
        }
        return number
    }

    // MARK: What is on the token

    /// Looks at the token.
    @discardableResult
    func look(_ custodian: any Custodian) throws -> Findings { try note(onToken: custodian.ask(ListEpochs())) }

    /// Takes note of the epochs whose keys are on the token.
    func note(onToken: Set<UInt32>) throws -> Findings {
        let rows = try store.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT number, destroyed IS NOT NULL AS is_destroyed, (count > 0 AND destroyed IS NULL)
                      OR EXISTS (SELECT 1 FROM order_secrets WHERE epoch = epochs.number) AS is_used FROM epochs
                    """)
        }
        var findings = Findings(unknown: onToken)
        for row in rows {
            // An invalid number has no key anywhere.
            guard let number = UInt32(exactly: row["number"] as Int64) else { continue }
            findings.unknown.remove(number)
            if row["is_destroyed"], onToken.contains(number) { findings.returned.insert(number) }
            if row["is_used"], !onToken.contains(number) { findings.missing.insert(number) }
        }
        keys.withLock { [findings] in
            $0 = Keys(present: onToken, missing: findings.missing, unknown: findings.unknown)
        }
        return findings
    }

    /// Whether a key with sealed secrets was missing at the last look at the token.
    func isMissing(_ number: UInt32) -> Bool { keys.withLock { $0.missing.contains(number) } }

    /// The epochs on the token that the database does not name: secrets that this host does not know may be sealed
    /// under them.
    var unknown: [UInt32] { keys.withLock { $0.unknown.sorted() } }

    /// The newest on the token; 0 if there is none.
    var newest: UInt32 { keys.withLock { $0.newest } }

    // MARK: Sealing

    /// Seals something under the newest epoch. Another request may make the next epoch meanwhile; then it seals once
    /// more.
    func sealing<Result>(_ custodian: any Custodian, _ body: (UInt32) throws -> Result) throws -> Result {
        let number = try current(custodian)
        do {
            return try body(number)
        } catch let error as DTAError where error.code == .failedPrecondition {
            try look(custodian)
            let next = try current(custodian)
            guard next != number else { throw error }
            return try body(next)
        }
    }

    /// The epoch for new secrets, with its key on the token: the newest there, and one that the database names.
    func current(_ custodian: any Custodian) throws -> UInt32 {
        let (missing, newest) = keys.withLock { ($0.missing, $0.newest) }
        let number = try store.write { database -> UInt32 in
            let open = try Int64.fetchAll(
                database,
                sql: """
                    SELECT number FROM epochs WHERE destroy_at IS NULL AND destroyed IS NULL AND count < ? AND number >= ?
                    ORDER BY number DESC
                    """, arguments: [OrderEpochs.size, max(Int64(newest), 1)]
            ).compactMap { UInt32(exactly: $0) }.first { !missing.contains($0) && $0 <= EpochNumber.last }
            if let open { return open }
            // No number is given twice, even if its key is gone.
            let last = max(try Int64.fetchOne(database, sql: "SELECT max(number) FROM epochs") ?? 0, Int64(newest))
            guard last < Int64(EpochNumber.last) else {
                throw DTAError(
                    .resourceExhausted, "there can be no epoch behind the newest, which has the number \(last)",
                    helps: .listEpochs)
            }
            try database.execute(
                sql: "INSERT INTO epochs (number, created, count) VALUES (?, ?, 0)",
                arguments: [last + 1, clock.now])
            return try OrderEpochs.number(last + 1)
        }
        if !keys.withLock({ $0.present.contains(number) }) { try make(number, custodian) }
        return number
    }

    /// Makes an epoch's key.
    private func make(_ number: UInt32, _ custodian: any Custodian) throws {
        do {
            try makeInTurn(number, custodian)
        } catch let error as DTAError where error.code == .failedPrecondition {
            // Another request was faster, maybe by more than one epoch.
            try look(custodian)
            guard keys.withLock({ $0.present.contains(number) }) else { throw error }
        }
    }

    /// dtad-hsm makes only the key that follows the newest. The epochs between were destroyed, or an older copy of the
    /// token lacks them: their keys are made in turn, seal nothing, and are destroyed.
    private func makeInTurn(_ number: UInt32, _ custodian: any Custodian) throws {
        let newest = keys.withLock { $0.newest }
        guard newest < number, number - newest <= OrderEpochs.gapLimit else {
            throw DTAError(
                .failedPrecondition,
                "the newest epoch on the token is \(newest), and the database is at \(number): one of them is of another "
                    + "time, or of another agent",
                hint: "put the token and the state in place that belong together")
        }
        for next in newest + 1...number {
            try custodian.ask(NewEpoch(number: next))
            keys.withLock { _ = $0.present.insert(next) }
            if next > newest + 1 { try drop(next - 1, custodian) }
        }
    }

    // MARK: The end of an epoch

    /// Destroys a key.
    func drop(_ number: UInt32, _ custodian: any Custodian) throws {
        try custodian.ask(DestroyEpoch(number: number))
        keys.withLock {
            $0.present.remove(number)
            $0.unknown.remove(number)
        }
    }

    /// Makes the next epoch if the one to destroy is the newest: so the token itself keeps count, and no number comes
    /// twice.
    func follow(_ number: UInt32, _ custodian: any Custodian) throws {
        guard keys.withLock({ $0.newest }) == number else { return }
        _ = try current(custodian)
    }

    /// Counts a secret that is being stored.
    /// - Throws: if the epoch was marked for destruction after its number was given out.
    func use(_ number: UInt32, in database: Database) throws {
        try database.cachedStatement(
            sql: "UPDATE epochs SET count = count + 1 WHERE number = ? AND destroy_at IS NULL"
        ).execute(arguments: [Int64(number)])
        guard database.changesCount == 1 else {
            throw DTAError(
                .unavailable, "the key under which the secret was sealed is to be destroyed", hint: "try again")
        }
    }

    /// Marks an epoch's key for destruction, because one of its secrets was destroyed.
    /// - Parameter at: Unix seconds; an earlier time that was set before stays.
    func end(_ number: UInt32, at: Int64, in database: Database) throws {
        try database.execute(
            sql: "UPDATE epochs SET destroy_at = min(coalesce(destroy_at, ?), ?) WHERE number = ?",
            arguments: [at, at, Int64(number)])
    }
}
