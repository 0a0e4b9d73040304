import DTACore
import DTASystem
import GRDB
import Glibc

/// Reads a database that an agent may be writing to at the same time.
enum StateSnapshot {
    /// Copies the database as it is at this moment to an empty file.
    /// - Throws: `DTAError`.
    static func copy(stateDirectory: String, to target: String) throws {
        let source = "\(stateDirectory)/\(BackupManifest.databaseName)"
        guard unsafe access(source, F_OK) == 0 else {
            throw DTAError(
                .notFound, "there is no database \(source)", hint: "an agent makes it when it runs for the first time")
        }
        do {
            let queue = try DatabaseQueue(path: source, configuration: readOnly)
            // Not in a transaction: VACUUM begins its own, in which it sees one state, even if others write meanwhile.
            try queue.inDatabase { try $0.execute(sql: "VACUUM INTO ?", arguments: [target]) }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            throw BackupFile.failure("written", target, ENOSPC)
        } catch {
            throw StoreError.opening(source, error)
        }
    }

    /// The files of large bodies that a database names.
    static func segments(of path: String) throws -> [String] {
        try reading(path) { database in
            guard try hasSegments(database) else { return [] }
            return try String.fetchAll(
                database, sql: "SELECT DISTINCT segment FROM blocks WHERE segment IS NOT NULL ORDER BY segment")
        }
    }

    /// Whether the database has lost blocks of large bodies that a copy of it names: room is made first in the
    /// database, then in the files.
    static func hasLostBlocks(stateDirectory: String, since copy: String) throws -> Bool {
        let source = "\(stateDirectory)/\(BackupManifest.databaseName)"
        do {
            return try DatabaseQueue(path: source, configuration: readOnly).inDatabase { database in
                guard try hasSegments(database) else { return false }
                try database.execute(sql: "ATTACH DATABASE ? AS copy", arguments: [copy])
                return try Bool.fetchOne(
                    database,
                    sql: """
                        SELECT EXISTS (SELECT 1 FROM copy.blocks JOIN main.blocks USING (cid)
                          WHERE copy.blocks.segment IS NOT NULL AND main.blocks.segment IS NOT copy.blocks.segment)
                        """) ?? false
            }
        } catch {
            throw StoreError.opening(source, error)
        }
    }

    private static func hasSegments(_ database: Database) throws -> Bool {
        try database.tableExists("blocks") && database.columns(in: "blocks").contains { $0.name == "segment" }
    }

    private static func reading<Result>(_ path: String, _ body: (Database) throws -> Result) throws -> Result {
        do {
            return try DatabaseQueue(path: path, configuration: readOnly).read(body)
        } catch {
            throw StoreError.opening(path, error)
        }
    }

    /// Checks a database that is not in use for damage.
    /// - Throws: `DTAError`: `dataLoss` if it is damaged, `failedPrecondition` if a newer dtad wrote it.
    static func check(_ path: String) throws {
        try reading(path) { database in
            guard try String.fetchOne(database, sql: "PRAGMA quick_check") == "ok" else {
                throw DTAError(.dataLoss, "its pages do not fit together")
            }
            guard try !StoreMigrations.migrator.hasBeenSuperseded(database) else {
                throw DTAError(
                    .failedPrecondition, "the backup is of a newer dtad than this one (\(Version.current))",
                    hint: "restore it with that version")
            }
        }
    }

    /// Checks an agent's database for damage, as its start does, whether or not the agent runs.
    /// - Throws: `DTAError`: `dataLoss` if it is damaged, `failedPrecondition` if a newer dtad wrote it.
    static func checkInUse(_ path: String) throws {
        try reading(path) { database in
            try Store.check(database)
            guard try !StoreMigrations.migrator.hasBeenSuperseded(database) else { throw Store.newer(path) }
        }
    }

    static var readOnly: GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(30)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA trusted_schema = OFF") }
        return configuration
    }
}
