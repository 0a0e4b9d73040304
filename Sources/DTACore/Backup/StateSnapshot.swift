import DTASystem
import GRDB
import Glibc

/// Read-only looks at a database that an agent may be writing to at the same time.
enum StateSnapshot {
    /// Copies the database as it is at this moment to a file that is empty.
    /// - Throws: `DTAError`.
    static func copy(stateDirectory: String, to target: String) throws {
        let source = "\(stateDirectory)/\(BackupManifest.databaseName)"
        guard unsafe access(source, F_OK) == 0 else {
            throw DTAError(
                .notFound, "there is no database \(source)", hint: "an agent makes it when it runs for the first time")
        }
        do {
            let queue = try DatabaseQueue(path: source, configuration: readOnly)
            // Not in a transaction: VACUUM makes its own, in which it reads one state, whoever writes meanwhile.
            try queue.inDatabase { try $0.execute(sql: "VACUUM INTO ?", arguments: [target]) }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            throw BackupFile.failure("written", target, ENOSPC)
        } catch {
            throw StoreError.opening(source, error)
        }
    }

    /// Looks for damage in a database that nobody uses.
    /// - Throws: `DTAError`: `dataLoss` where it is damaged, `failedPrecondition` where a newer dtad wrote it.
    static func check(_ path: String) throws {
        do {
            let queue = try DatabaseQueue(path: path, configuration: readOnly)
            try queue.read { database in
                guard try String.fetchOne(database, sql: "PRAGMA quick_check") == "ok" else {
                    throw DTAError(.dataLoss, "its pages do not fit together")
                }
                guard try !StoreMigrations.migrator.hasBeenSuperseded(database) else {
                    throw DTAError(
                        .failedPrecondition, "the backup is of a newer dtad than this one (\(Version.current))",
                        hint: "restore it with that version")
                }
            }
        } catch {
            throw StoreError.opening(path, error)
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
