import DTASystem
import GRDB
import Glibc

/// The agent's database, `state.sqlite`: when `write` returns, its changes are durable.
///
/// It holds no secret in plaintext: public keys, names, owners, sealed seeds and blocks.
package final class Store: Sendable {
    private let pool: DatabasePool
    /// Idle connections for `glance`: at most as many as threads were in it at once.
    private let glances: Locked<[DatabaseQueue]>
    private let progress: Locked<Progress>
    private let files: StoreFiles
    package let path: String

    /// The state of writing and of the write-ahead log.
    private struct Progress: Sendable {
        /// The number of the last transaction that changed anything.
        var change: UInt64
        /// The writes since the start, and how many of them are in the database file itself.
        var writes = 0
        var settled = -1
        /// The writes at the last `rest`.
        var seen = 0
    }

    /// Opens the database in a state directory, or makes it (mode 0600), and migrates it.
    /// - Throws: `DTAError`: `dataLoss` if it is damaged, `failedPrecondition` if a newer dtad wrote it, `unavailable`
    ///   if it cannot be opened.
    package init(directory: String) throws {
        path = "\(directory)/state.sqlite"
        for ending in StoreFiles.endings + [StoreFiles.journal] { try OwnPlace.checkFile(path + ending) }
        try Store.makePrivate(path)
        do {
            pool = try DatabasePool(path: path, configuration: Store.configuration)
            // Here, because the pool sets NORMAL when it turns WAL on, and then a power cut loses commits.
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            let migrator = StoreMigrations.migrator
            if try pool.read(migrator.hasBeenSuperseded) {
                throw Store.newer(path)
            }
            try pool.read(Store.check)
            try migrator.migrate(pool)
            glances = Locked([try DatabaseQueue(path: path, configuration: .glance)])
            let change = try pool.read { try Int64.fetchOne($0, sql: "SELECT number FROM state_change") } ?? 0
            progress = Locked(Progress(change: UInt64(bitPattern: change)))
            files = StoreFiles(path)
        } catch {
            throw StoreError.opening(path, error)
        }
    }

    private static var configuration: GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(5)
        configuration.label = "state"
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF")
        }
        return configuration
    }

    /// SQLite gives its journals the mode of the database file, so setting that one is enough.
    private static func makePrivate(_ path: String) throws {
        let number = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else {
            throw DTAError(.unavailable, "the database \(path) cannot be opened: \(errorText(errno))")
        }
        let file = Descriptor(owning: number)
        try systemCall("fchmod") { fchmod(file.number, 0o600) }
    }

    package static func newer(_ path: String) -> DTAError {
        DTAError(
            .failedPrecondition, "the database \(path) was written by a newer dtad",
            hint: "run that version, or restore a backup from before the update")
    }

    /// Checks all tables for damage except the blocks, which are hashed before each use.
    package static func check(_ database: Database) throws {
        let tables = try String.fetchAll(
            database,
            sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name != 'blocks' AND name NOT LIKE 'sqlite_%'"
        )
        for table in tables {
            let finding = try String.fetchOne(database, sql: "PRAGMA quick_check(\"\(table)\")")
            if let finding, finding != "ok" { throw DTAError(.dataLoss, finding) }
        }
    }

    /// Tells `observer` of every transaction, while the caller holds a reference to it.
    package func add(_ observer: some TransactionObserver) { pool.add(transactionObserver: observer) }

    /// Reads with one statement, which sees a consistent state by itself. The transaction of `read` costs more than a
    /// row.
    package func glance<Result>(_ body: (Database) throws -> Result) throws -> Result {
        do {
            let connection = try glances.withLock { $0.popLast() } ?? DatabaseQueue(path: path, configuration: .glance)
            defer { glances.withLock { $0.append(connection) } }
            return try connection.unsafeRead(body)
        } catch { throw StoreError.using(path, error) }
    }

    /// Reads a consistent state.
    package func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        do { return try pool.read(body) } catch { throw StoreError.using(path, error) }
    }

    /// Runs one transaction: when this returns, all of it is durable; when it throws, none of it is.
    package func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try write(counting: true, body)
    }

    /// The same for dtad's own notes, which may be missing in an older database: it counts as no change.
    func note<Result>(_ body: (Database) throws -> Result) throws -> Result { try write(counting: false, body) }

    private func write<Result>(counting: Bool, _ body: (Database) throws -> Result) throws -> Result {
        var hasChanged = false
        var change: Int64?
        let result: Result
        do {
            result = try files.changing {
                try pool.write { database in
                    let before = database.totalChangesCount
                    let result = try body(database)
                    hasChanged = database.totalChangesCount != before
                    if counting, hasChanged {
                        try database.cachedStatement(sql: "UPDATE state_change SET number = number + 1").execute()
                        change = try Int64.fetchOne(database.cachedStatement(sql: "SELECT number FROM state_change"))
                    }
                    return result
                }
            }
        } catch { throw StoreError.using(path, error) }
        progress.withLock { progress in
            if hasChanged { progress.writes += 1 }
            if let change { progress.change = max(progress.change, UInt64(bitPattern: change)) }
        }
        return result
    }

    // MARK: Its files

    /// The number of the last transaction that changed anything. It is durable.
    var change: UInt64 { progress.withLock { $0.change } }

    /// Why new writes would be lost: another program removed or changed the open files; nil if none did.
    var fault: DTAError? { files.fault }

    /// Whether nothing was written since the database was made.
    func isBlank() throws -> Bool { try read(Store.isBlank) }

    static func isBlank(_ database: Database) throws -> Bool {
        let tables = try String.fetchAll(
            database,
            sql: """
                SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                  AND name NOT IN ('grdb_migrations', 'audit_files', 'audit_end', 'state_change')
                """)
        return try tables.allSatisfy { table in
            try Bool.fetchOne(database, sql: "SELECT EXISTS (SELECT 1 FROM \"\(table)\")") == false
        }
    }

    /// Must be called every second: after a second without writes, it moves all of the log into `state.sqlite`.
    func rest() throws {
        let isDue = progress.withLock { progress in
            defer { progress.seen = progress.writes }
            return progress.seen == progress.writes && progress.settled != progress.writes
        }
        guard isDue, fault == nil else { return }
        let writes = progress.withLock { $0.writes }
        if try emptyLog() { progress.withLock { $0.settled = writes } }
    }

    /// Moves all of the log into `state.sqlite` and closes it. Nothing can be read or written afterwards.
    func close() throws {
        guard fault == nil else { return }
        glances.withLock { $0.removeAll() }
        _ = try emptyLog()
        do { try pool.close() } catch { throw StoreError.using(path, error) }
    }

    /// Moves all of the write-ahead log into the database and empties it, so that overwritten rows are gone from it. If
    /// readers prevent that, a later call or the next start does it.
    package func truncateLog() throws { _ = try emptyLog() }

    /// - Returns: whether the log is empty now.
    private func emptyLog() throws -> Bool {
        do {
            try files.changing { _ = try pool.writeWithoutTransaction { try $0.checkpoint(.truncate) } }
            return true
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY || error.resultCode == .SQLITE_LOCKED
        {
            return false
        } catch {
            throw StoreError.using(path, error)
        }
    }
}

extension GRDB.Configuration {
    fileprivate static var glance: GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        configuration.label = "glance"
        // There may be as many as threads: half a MiB each for pages that are read often, and no more.
        configuration.prepareDatabase {
            try $0.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -512")
        }
        return configuration
    }
}
