import DTASystem

/// The files of the open database. If other programs remove, replace, cut or overwrite them, SQLite continues without
/// noticing, and what it writes then is lost. Its locks belong to the process and end when any descriptor of the file
/// is closed, so this opens nothing a second time: it compares the files at the paths with those that this process
/// left.
package final class StoreFiles: Sendable {
    /// The endings of the database, its write-ahead log, and the log's index.
    package static let endings = ["", "-wal", "-shm"]
    /// The ending of the file that SQLite writes only while it turns the write-ahead log of a new database on.
    package static let journal = "-journal"

    private let paths: [String]
    /// False on a network file system: the server sets the times of files, when it likes.
    private let trustsTimes: Bool
    private let known: Locked<Known>

    private struct Known: Sendable {
        var files: [String: FileFacts] = [:]
        /// Stays set: setting times back does not undo another program's write.
        var change: DTAError?
    }

    init(_ path: String) {
        paths = StoreFiles.endings.map { path + $0 }
        trustsTimes = FileSystem(of: path)?.network == nil
        known = Locked(Known())
        known.withLock(learn)
    }

    /// What is wrong with the files; nil if nothing is. It waits while this process changes them.
    var fault: DTAError? { known.withLock(look) }

    /// Runs `body`, which changes the files, if they are as this process left them.
    /// - Throws: `DTAError.unavailable` if they were not, or if another program took them away meanwhile: then `body`
    ///   wrote to a file that is not opened again.
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

    /// A file that appears later is known from then on.
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

    /// The index is not checked: SQLite ignores it after a crash, and readers write to it.
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
