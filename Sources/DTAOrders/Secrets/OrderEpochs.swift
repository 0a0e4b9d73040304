import CustodyProtocol
import DTACore
import DTASystem
import GRDB

/// The keys under which the secrets of orders are sealed, one for up to 1,024 of them. Nothing that is sealed can be
/// taken back from every copy of a disk; a key can be destroyed, and with it what it sealed.
///
/// dtad-hsm seals under the newest epoch on the token alone, and makes none but the one that follows it.
package struct OrderEpochs: Sendable {
    /// Orders of one epoch: what a destruction has to seal again at most.
    static let size = 1024
    /// How many epochs the token may lack that the database names, where it is an older copy.
    private static let gapLimit: UInt32 = 1024

    let store: Store
    let clock: WallClock
    private let keys = Locked(Keys())

    /// What is known of the keys on the token.
    private struct Keys {
        /// Those that are there.
        var present: Set<UInt32> = []
        /// Those that were not there although secrets were sealed under them: nothing takes their names again, because
        /// what they sealed would seem to be there.
        var missing: Set<UInt32> = []
        /// Those that are there and that the database does not name.
        var unknown: Set<UInt32> = []

        var newest: UInt32 { EpochNumber.newest(present) }
    }

    /// What a look at the token found beside what it should.
    struct Findings: Sendable {
        /// Secrets were sealed under them, and they are not there.
        var missing: Set<UInt32> = []
        /// They are there, and the database does not name them.
        var unknown: Set<UInt32> = []
        /// The database says that they are destroyed, and they are there.
        var returned: Set<UInt32> = []
    }

    init(store: Store, clock: WallClock) {
        self.store = store
        self.clock = clock
    }

    /// As the token calls the key.
    package static func label(_ number: UInt32) -> String { "dta/epoch/\(number)" }

    /// An epoch's number as the database has it.
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
            // A number that is none has no key anywhere.
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

    /// Whether secrets were sealed under a key that was not on the token when that was looked at.
    func isMissing(_ number: UInt32) -> Bool { keys.withLock { $0.missing.contains(number) } }

    /// The epochs on the token that the database does not name: secrets may be sealed under them of which nothing is
    /// known here.
    var unknown: [UInt32] { keys.withLock { $0.unknown.sorted() } }

    /// The newest on the token; 0 where there is none.
    var newest: UInt32 { keys.withLock { $0.newest } }

    // MARK: Sealing

    /// Has something sealed under the newest epoch. Another request may make the next one meanwhile; then it is done
    /// once more.
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

    /// The epoch of which new secrets are, with its key on the token: the newest there, and one that the database
    /// names.
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
            // No number is given twice, also where the key is gone.
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

    /// Has an epoch's key made.
    private func make(_ number: UInt32, _ custodian: any Custodian) throws {
        do {
            try makeInTurn(number, custodian)
        } catch let error as DTAError where error.code == .failedPrecondition {
            // Another request was faster, maybe by more than one.
            try look(custodian)
            guard keys.withLock({ $0.present.contains(number) }) else { throw error }
        }
    }

    /// dtad-hsm makes no key but the one that follows the newest. Those between are of epochs that were destroyed, or
    /// that an older copy of the token lacks: they take their turn, and seal nothing.
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

    /// Has a key destroyed.
    func drop(_ number: UInt32, _ custodian: any Custodian) throws {
        try custodian.ask(DestroyEpoch(number: number))
        keys.withLock {
            $0.present.remove(number)
            $0.unknown.remove(number)
        }
    }

    /// Makes the next epoch, where one that is to be destroyed is the newest: so the token itself keeps count, and no
    /// number comes twice.
    func follow(_ number: UInt32, _ custodian: any Custodian) throws {
        guard keys.withLock({ $0.newest }) == number else { return }
        _ = try current(custodian)
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
