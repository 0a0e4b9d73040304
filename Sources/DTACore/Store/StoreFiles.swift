import DTASystem

/// The files of the database that are open here. SQLite goes on with files that were removed, replaced, cut or
/// overwritten by others, and notices nothing; what it writes then is gone at its end. Its locks belong to the process and
/// end with the first descriptor that is closed, so nothing is opened here a second time: what lies at the paths is
/// compared with what this process left there.
package final class StoreFiles: Sendable {
    /// Of the database, its write-ahead log, and the index of that.
    package static let endings = ["", "-wal", "-shm"]
    /// Of what SQLite writes while it turns a new database to its write-ahead log, and never after.
    package static let journal = "-journal"

    private let paths: [String]
    /// A server sets the times of files, at a moment of its own.
    private let trustsTimes: Bool
    private let known: Locked<Known>

    private struct Known: Sendable {
        var files: [String: FileFacts] = [:]
        /// Another program's writing is not undone by setting times back.
        var change: DTAError?
    }

    init(_ path: String) {
        paths = StoreFiles.endings.map { path + $0 }
        trustsTimes = FileSystem(of: path)?.network == nil
        known = Locked(Known())
        known.withLock(learn)
    }

    /// What is wrong with them; nil if nothing is. While this process changes them, this waits.
    var fault: DTAError? { known.withLock(look) }

    /// Runs what changes the files, if they are as this process left them.
    /// - Throws: `DTAError.unavailable` if they were not, or if others took them away meanwhile: then what `body` wrote is
    ///   in a file that nobody will open again.
    func changing<Result>(_ body: () throws -> Result) throws -> Result {
        try known.withLock { known in
            if let fault = look(&known) { throw fault }
            defer { learn(&known) }
            let result = try body()
            if let fault = taken(&known) { throw fault }
            return result
        }
    }

    private func look(_ known: inout Known) -> DTAError? {
        if let fault = taken(&known) { return fault }
        if known.change == nil { known.change = changed(known) }
        return known.change
    }

    /// A file that comes later is known from then on.
    private func taken(_ known: inout Known) -> DTAError? {
        for path in paths {
            let now: FileFacts?
            do { now = try FileFacts.status(path).map(FileFacts.init) } catch {
                return StoreError.gone("\(path) cannot be found: \(error)")
            }
            guard let then = known.files[path] else {
                known.files[path] = now
                continue
            }
            guard let now else { return StoreError.gone("\(path) was removed") }
            guard now.isSameFile(as: then) else { return StoreError.gone("\(path) was replaced by another file") }
        }
        return nil
    }

    /// Of the index nothing is believed after a crash, and readers write to it.
    private func changed(_ known: Known) -> DTAError? {
        for path in paths.dropLast() {
            guard let then = known.files[path], let now = FileFacts.of(path) else { continue }
            if now.size < then.size { return StoreError.changed("\(path) was cut short by another program") }
            if now.size != then.size || trustsTimes && now.modified != then.modified {
                return StoreError.changed("\(path) was written to by another program")
            }
        }
        return nil
    }

    private func learn(_ known: inout Known) {
        for path in paths {
            guard let now = FileFacts.of(path), known.files[path]?.isSameFile(as: now) != false else { continue }
            known.files[path] = now
        }
    }
}
