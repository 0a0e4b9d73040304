import DTASystem
import GRDB

/// Translates SQLite's errors for people.
package enum StoreError {
    package static func opening(_ path: String, _ error: any Error) -> any Error {
        if let known = error as? DTAError, known.code != .dataLoss { return known }
        let reason = (error as? DTAError)?.message ?? "\(error)"
        guard let database = error as? DatabaseError else { return damaged(path, reason) }
        switch database.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return damaged(path, database.message ?? reason)
        default: return using(path, error)
        }
    }

    package static func using(_ path: String, _ error: any Error) -> any Error {
        guard let database = error as? DatabaseError else { return error }
        let reason = database.message ?? "SQLite error \(database.extendedResultCode.rawValue)"
        let isFull = database.resultCode == .SQLITE_IOERR && FileSystem.isFull(parentDirectory(of: path))
        switch isFull ? .SQLITE_FULL : database.resultCode {
        case .SQLITE_FULL:
            return DTAError(
                .resourceExhausted, "there is no room to write to the database \(path); nothing was changed",
                hint: "make room on that disk and try again")
        case .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_NOMEM:
            return DTAError(
                .unavailable, "the database \(path) cannot be used: \(reason)",
                hint: "look after that disk and its permissions, then try again")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return damaged(path, reason)
        // The services turn expected conflicts into their own sentences.
        case .SQLITE_CONSTRAINT: return database
        default: return DTAError(.internal, "the database \(path) refused a statement: \(reason)")
        }
    }

    /// - Parameter fault: what happened to the database's files while they were open.
    static func gone(_ fault: String) -> DTAError {
        DTAError(
            .unavailable, "\(fault) while dtad runs: what is written now would be lost",
            hint: "an administrator should put the file back; if it is lost, stop dtad and restore a backup")
    }

    /// - Parameter fault: which of the database's files another program wrote to or cut while they were open.
    static func changed(_ fault: String) -> DTAError {
        DTAError(
            .unavailable, "\(fault) while dtad runs: what dtad wrote may be lost, and nothing more is written",
            hint:
                "an administrator should stop dtad and restore a backup, or start it again if the file was only touched: the "
                + "start looks for damage")
    }

    private static func damaged(_ path: String, _ reason: String) -> DTAError {
        DTAError(
            .dataLoss, "the database \(path) is damaged: \(reason)",
            hint: "stop dtad and restore the state directory from a backup")
    }
}
