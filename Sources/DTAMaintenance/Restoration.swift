import Crypto
import DTABytes
import DTACore
import DTAFormats
import DTAOrders
import DTASystem
import GRDB
import Glibc

/// Makes a state directory from a backup: it appears under its name only after all of it was verified.
package struct Restoration {
    /// The result of a restore.
    package struct Summary: Sendable {
        package let state: String
        /// When the backup was made, in Unix seconds, and by which version.
        package let made: Int64
        package let version: String
        /// The token to which the state belongs, with its name in the configuration.
        package let token: String
        /// SHA-256 of the manifest, in hexadecimal.
        package let fingerprint: String
        /// How many orders wait until a person has compared them with the others' copies.
        package let orders: Int
    }

    private let archive: BackupFile
    private let backup: String
    private let state: String
    /// The owner of the directory if it does not exist yet.
    private let newOwner: StateOwner

    /// - Parameters: `state`: the directory to make; an existing one must be empty, and keeps its owner. `newOwner`:
    ///   the owner of a new one; nil: the user who runs this.
    package init(backup: String, state: String, newOwner: StateOwner? = nil) throws {
        self.backup = backup
        self.state = state
        self.newOwner = newOwner ?? StateOwner(uid: geteuid(), gid: getegid())
        archive = try BackupFile(reading: backup)
    }

    /// If root runs this, the files are made with the rights of the state's owner, and belong to that user.
    /// - Parameter fingerprint: the expected hash of the manifest; nil: any.
    /// - Throws: `DTAError`: `dataLoss` if the backup is damaged, `failedPrecondition` if the directory is in use.
    package func carryOut(fingerprint: String? = nil) throws -> Summary {
        let (owner, way) = try ownerOfTarget()
        let answer: [String]
        if owner.isAnother, let way, way.isOwned(by: 0) {
            answer = try build(for: owner, in: way.end, fingerprint)
        } else {
            // If the owner could put a link into the path, root makes nothing: the owner makes it all.
            answer = try owner.run { try build(for: nil, in: nil, fingerprint) }
        }
        guard answer.count == 5, let made = Int64(answer[0]), let orders = Int(answer[4]) else {
            throw DTAError(.internal, "the state was restored, and what is in it was not told")
        }
        return Summary(
            state: state, made: made, version: answer[1], token: answer[2], fingerprint: answer[3], orders: orders)
    }

    /// Makes the directory, in a place that only root and the user who runs this can change.
    /// - Parameters: `owner`: the user to whom root gives it, and who fills it; nil: the user who runs this. `parent`:
    ///   its parent directory; nil: it is opened by its path.
    /// - Returns: the summary's fields.
    private func build(for owner: StateOwner?, in parent: Descriptor?, _ fingerprint: String?) throws -> [String] {
        func asOwner(_ body: () throws -> [String]) throws -> [String] { try owner?.run(body) ?? body() }
        let staging = try StagingDirectory(beside: state, in: parent, for: owner)
        let answer: [String]
        do {
            answer = try asOwner {
                try staging.clear()
                return try fill(staging, fingerprint)
            }
            let failure = staging.become(state)
            guard failure == 0 else { throw Restoration.immovable(state, failure) }
        } catch {
            _ = try? asOwner {
                try staging.clear()
                return []
            }
            staging.remove()
            throw error
        }
        // From here on it is the state, and must not be cleared any more.
        try staging.syncParent(state)
        return answer
    }

    /// - Returns: the summary's fields.
    private func fill(_ staging: StagingDirectory, _ fingerprint: String?) throws -> [String] {
        let manifest = try readManifest()
        guard fingerprint == nil || fingerprint == manifest.fingerprint else {
            throw DTAError(
                .dataLoss, "the backup \(backup) is not the one with that fingerprint: it has \(manifest.fingerprint)")
        }
        try extract(manifest, to: staging)
        let database = staging.file(BackupManifest.databaseName)
        try StateSnapshot.check(database)
        let orders = try RestoredOrders.mark(database, made: manifest.made)
        try record(manifest, in: staging)
        try staging.sync()
        return ["\(manifest.made)", manifest.version, manifest.token, manifest.fingerprint, "\(orders)"]
    }

    // MARK: The target

    /// - Returns: the owner of the state, and the way to its parent directory; nil if this is not root.
    private func ownerOfTarget() throws -> (StateOwner, PathWay?) {
        var status = stat()
        guard unsafe lstat(state, &status) == 0 else {
            guard errno == ENOENT else { throw BackupFile.failure("used", state, errno) }
            return (newOwner, try newOwner.checkWay(to: state))
        }
        let owner = try StateOwner(of: state)
        guard geteuid() == 0 || owner.uid == geteuid() else {
            throw DTAError(
                .permissionDenied, "\(state) belongs to another user", hint: "run this as its owner, or as root")
        }
        let way = try owner.checkWay(to: state)
        let place = try way?.end ?? StagingDirectory.parent(of: state)
        let names = try BackupFile.names(
            in: BackupFile.openDirectory(lastName(of: state), below: place, state), state)
        guard names.isEmpty else {
            let isState = names.contains(BackupManifest.databaseName)
            throw DTAError(
                .failedPrecondition,
                isState ? "\(state) is the state of an agent already" : "the directory \(state) is not empty",
                hint: "stop dtad and move \(state) out of the way, or choose another directory")
        }
        return (owner, way)
    }

    private static func immovable(_ state: String, _ errno: Int32) -> DTAError {
        switch errno {
        case EBUSY, EXDEV:
            DTAError(
                .failedPrecondition, "\(state) is a mount point, which cannot be replaced in one step",
                hint: "restore to a directory below it, or unmount it first")
        case ENOTEMPTY, EEXIST:
            DTAError(.failedPrecondition, "the directory \(state) is no longer empty: another program uses it")
        default: BackupFile.failure("made", state, errno)
        }
    }

    // MARK: The archive

    private var damaged: DTAError {
        DTAError(
            .dataLoss, "the backup \(backup) is damaged or not whole: nothing was restored",
            hint: "use another copy of it")
    }

    private func readExactly(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard try archive.read(&bytes, atMost: count) == count else { throw damaged }
        return bytes
    }

    private func readHeader() throws -> TarHeader {
        guard let header = TarHeader(try readExactly(TarHeader.size)) else { throw damaged }
        return header
    }

    private func readPadding(after length: Int) throws {
        guard try readExactly(TarHeader.padding(after: length)).allSatisfy({ $0 == 0 }) else { throw damaged }
    }

    private func readManifest() throws -> BackupManifest {
        var first = [UInt8](repeating: 0, count: TarHeader.size)
        guard try archive.read(&first, atMost: first.count) == first.count, let header = TarHeader(first),
            header.name == BackupManifest.name, header.length <= BackupManifest.limit
        else {
            throw DTAError(.invalidArgument, "\(backup) is no backup of dtad's", hint: "dtad backup FILE makes one")
        }
        let manifest = try BackupManifest(try readExactly(header.length))
        try readPadding(after: header.length)
        return manifest
    }

    /// Extracts exactly the files of the manifest, in its order, and nothing after them.
    private func extract(_ manifest: BackupManifest, to staging: StagingDirectory) throws {
        for folder in ["audit", "segments"] where manifest.entries.contains(where: { $0.name.hasPrefix(folder + "/") })
        {
            try staging.makeFolder(folder)
        }
        for entry in manifest.entries {
            let header = try readHeader()
            guard header.name == entry.name else { throw damaged }
            let hash = try copy(header.length, to: try staging.make(entry.name))
            guard hash == entry.hash else { throw damaged }
            try readPadding(after: header.length)
        }
        guard try readExactly(TarHeader.end.count) == TarHeader.end else { throw damaged }
        var more = [UInt8](repeating: 0, count: 1)
        guard try archive.read(&more, atMost: 1) == 0 else { throw damaged }
    }

    /// - Returns: the SHA-256 of the copied bytes, which are on the disk.
    private func copy(_ length: Int, to target: BackupFile) throws -> [UInt8] {
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var left = length
        while left > 0 {
            let count = try archive.read(&buffer, atMost: left)
            guard count > 0 else { throw damaged }
            unsafe buffer.withUnsafeBytes { unsafe hash.update(bufferPointer: .init(rebasing: $0[..<count])) }
            try target.write(buffer[..<count])
            left -= count
        }
        try target.sync()
        return Array(hash.finalize())
    }

    // MARK: The last steps

    /// Continues the audit log from the backup: records after it are missing, and the log says so itself. The log was
    /// copied after the database, and may name changes that are not in it.
    private func record(_ manifest: BackupManifest, in staging: StagingDirectory) throws {
        let database = staging.file(BackupManifest.databaseName)
        do {
            let queue = try DatabaseQueue(path: database)
            var memory = try queue.read(AuditMemory.load)
            let change = memory.change ?? 0
            memory.change = nil
            // This also restores a database that is older than its log.
            memory.end?.isClean = false
            let log = try AuditLog(directory: staging.path, memory: memory) { change }
            log.inspect(readings: .max)
            try log.append(
                event: "the state was restored from a backup made at \(UTCTime.text(manifest.made)), fingerprint "
                    + "\(manifest.fingerprint): records from after it are missing here")
            try log.sync()
            try queue.write { database in
                guard let (files, end) = log.memory(clean: true) else { return }
                try AuditMemory.save(files, database)
                try AuditMemory.save(end, database)
            }
            try queue.close()
        } catch {
            throw StoreError.using(database, error)
        }
    }
}
