import DTASystem

/// The files of the database that are open here. SQLite goes on with files that were removed or replaced and notices
/// nothing; what it writes then is gone at its end. Its locks belong to the process and end with the first descriptor
/// that is closed, so nothing is opened here a second time: paths are compared with what they named at the start.
final class StoreFiles: Sendable {
    private let paths: [String]
    private let known: Locked<[String: FileFacts]>

    init(_ path: String) {
        paths = ["", "-wal", "-shm"].map { path + $0 }
        known = Locked([:])
        _ = fault
    }

    /// What is wrong with them; nil where nothing is. A file that comes later is known from then on.
    var fault: String? {
        known.withLock { known in
            for path in paths {
                let now: FileFacts?
                do { now = try FileFacts.status(path).map(FileFacts.init) } catch {
                    return "\(path) cannot be found: \(error)"
                }
                guard let then = known[path] else {
                    known[path] = now
                    continue
                }
                guard let now else { return "\(path) was removed" }
                guard now.isSameFile(as: then) else { return "\(path) was replaced by another file" }
            }
            return nil
        }
    }
}
