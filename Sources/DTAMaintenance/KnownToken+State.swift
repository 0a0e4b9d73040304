import CustodyProtocol
import DTACore
import GRDB
import Glibc

extension KnownToken {
    /// Reads it from a state directory that an agent may be using.
    /// - Returns: nil if none is known yet.
    package static func read(state: String) throws -> TokenIdentity? {
        let path = "\(state)/\(BackupManifest.databaseName)"
        guard unsafe access(path, F_OK) == 0 else { return nil }
        // This checks the files, because SQLite would follow a link.
        _ = try StateTree(state).databaseSize()
        do {
            return try DatabaseQueue(path: path, configuration: StateSnapshot.readOnly).read { database in
                try database.tableExists("token") ? try read(database) : nil
            }
        } catch {
            throw StoreError.opening(path, error)
        }
    }
}
