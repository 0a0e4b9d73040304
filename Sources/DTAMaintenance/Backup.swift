import Crypto
import DTACore
import DTASystem
import Glibc

/// Writes state and ledger to one file, whether or not an agent runs on them: a tar archive of a manifest, the database
/// as it is at one moment, the audit log up to a whole record, and the bodies of large envelopes.
///
/// It contains neither the token, nor its PIN, nor the configuration.
package struct Backup {
    /// The result of a backup.
    package struct Summary: Sendable {
        package let path: String
        /// The size of the whole file, in bytes.
        package let size: Int
        /// How many bodies of large envelopes it holds.
        package let bodies: Int
        /// SHA-256 of the manifest, in hexadecimal.
        package let fingerprint: String
    }

    /// A file that goes into the backup.
    private struct Source {
        let name: String
        let file: BackupFile
        let length: Int
    }

    private let state: String
    private let token: String

    /// - Parameters: `state`: the agent's state directory; `token`: the label or serial number of its token, for
    ///   people.
    package init(state: String, token: String) {
        self.state = state
        self.token = token
    }

    /// Writes the backup: when this returns, it is on the disk under its name; when it throws, nothing of it is there.
    /// If root runs this, everything in the state directory is read with its owner's rights.
    /// - Parameter replacing: whether an existing file may be replaced.
    /// - Throws: `DTAError`.
    package func write(to path: String, replacing: Bool) throws -> Summary {
        let parent = try StagingDirectory.parent(of: path)
        var status = stat()
        if unsafe fstatat(parent.number, lastName(of: path), &status, AT_SYMLINK_NOFOLLOW) == 0 {
            // rename would replace even /dev/null. An invalid name is refused below.
            if let fault = FileKind.fault(status.st_mode), ![".", ".."].contains(lastName(of: path)) {
                throw DTAError(
                    .failedPrecondition, "\(path) \(fault), no regular file: a backup never takes its place",
                    hint: "name a new file")
            }
            guard replacing else { throw Backup.exists(path) }
        }
        let owner = try StateOwner(of: state)
        let staging = try StagingDirectory(beside: path, in: parent)
        defer { staging.remove() }
        let archive = try staging.make(Backup.draft)
        let isRoot = geteuid() == 0
        let answer = try owner.run {
            let tree = try StateTree(state)
            let size = try tree.databaseSize()
            guard isRoot else { return try collect(tree, into: archive, in: staging) }
            // The owner of the state may not be able to write where root wants the backup. And SQLite takes paths, in
            // which another user could put a link: not so in the state directory.
            let own = try StagingDirectory(beside: "\(state)/backup")
            defer { own.remove() }
            // The agent needs that disk too.
            if let size { try own.needRoom(for: size) }
            return try collect(tree, into: archive, in: own)
        }
        guard answer.count == 2, let bodies = Int(answer[0]) else { throw Backup.unclear }
        guard try staging.publish(Backup.draft, as: path, replacing: replacing) else { throw Backup.exists(path) }
        return Summary(path: path, size: try archive.length(), bodies: bodies, fingerprint: answer[1])
    }

    /// Writes the archive, from a copy of the database in `staging`.
    /// - Returns: how many bodies it holds, and its fingerprint.
    private func collect(_ tree: StateTree, into archive: BackupFile, in staging: StagingDirectory) throws -> [String] {
        let database = staging.file(BackupManifest.databaseName)
        // Made empty with mode 0600 before anything is in it.
        _ = try staging.make(BackupManifest.databaseName)
        try StateSnapshot.copy(stateDirectory: state, to: database)
        // After the database: the files that it names are whole by now, and the log has at least its changes.
        let copy = try staging.read(BackupManifest.databaseName)
        let sources =
            try [Source(name: BackupManifest.databaseName, file: copy, length: copy.length())]
            + auditLog(tree) + bodies(tree, namedBy: database)

        var manifest = BackupManifest(
            made: unixMicroseconds() / 1_000_000, version: Version.current, token: token, names: sources.map(\.name))
        guard manifest.bytes.count <= BackupManifest.limit else {
            throw DTAError(.resourceExhausted, "there are too many bodies of large envelopes for one backup")
        }
        try fill(archive, &manifest, sources)
        try archive.sync()
        guard try !StateSnapshot.hasLostBlocks(stateDirectory: state, since: database) else {
            throw Backup.overtaken
        }
        return ["\(sources.count { $0.name.hasPrefix("segments/") })", manifest.fingerprint]
    }

    private static let unclear = DTAError(.internal, "the backup was made, and what is in it was not told")

    // MARK: Sources

    private func source(_ tree: StateTree, _ name: String, length: Int? = nil) throws -> Source {
        let file = BackupFile("\(state)/\(name)", try tree.file(name))
        return Source(name: name, file: file, length: try length ?? file.length())
    }

    private func auditLog(_ tree: StateTree) throws -> [Source] {
        let names = try tree.names(in: "audit").filter { AuditSegment.first(ofName: $0) != nil }
        return try names.map { name in
            let path = "audit/\(name)"
            let segment = AuditSegment(
                path: "\(state)/\(path)", first: AuditSegment.first(ofName: name) ?? 0, file: try tree.file(path))
            let whole = try AuditLog.endOfLastLine(segment, try segment.size())
            return try source(tree, path, length: whole)
        }
    }

    private func bodies(_ tree: StateTree, namedBy database: String) throws -> [Source] {
        try StateSnapshot.segments(of: database).map { name in
            guard BackupManifest.isAllowed("segments/\(name)") else {
                throw DTAError(.dataLoss, "the database names a file of a large body \(quoted(name))")
            }
            do {
                return try source(tree, "segments/\(name)")
            } catch let error as DTAError where error.code == .notFound {
                guard try StateSnapshot.hasLostBlocks(stateDirectory: state, since: database) else {
                    throw DTAError(
                        .dataLoss, error.message, hint: "a running agent reads it from IPFS if a node still has it")
                }
                throw Backup.overtaken
            }
        }
    }

    private static let overtaken = DTAError(
        .unavailable, "room was made for large bodies while they were copied", hint: "try again")

    // MARK: The archive

    /// The manifest comes first, but its hashes are written last: its length is known before.
    private func fill(_ archive: BackupFile, _ manifest: inout BackupManifest, _ sources: [Source]) throws {
        let length = manifest.bytes.count
        func begin(_ name: String, _ length: Int) throws {
            try archive.write(TarHeader(name: name, length: length, modified: manifest.made).bytes[...])
        }
        func end(_ length: Int) throws {
            try archive.write([UInt8](repeating: 0, count: TarHeader.padding(after: length))[...])
        }
        try begin(BackupManifest.name, length)
        try archive.write(manifest.bytes[...])
        try end(length)
        for (index, source) in sources.enumerated() {
            try begin(source.name, source.length)
            manifest.entries[index].hash = try copy(source, to: archive)
            try end(source.length)
        }
        try archive.write(TarHeader.end[...])
        try archive.seek(TarHeader.size)
        try archive.write(manifest.bytes[...])
    }

    /// - Returns: the SHA-256 of the copied bytes.
    private func copy(_ source: Source, to archive: BackupFile) throws -> [UInt8] {
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var left = source.length
        while left > 0 {
            let count = try source.file.read(&buffer, atMost: left)
            guard count > 0 else {
                throw DTAError(
                    .unavailable, "\(source.file.path) became shorter while it was copied", hint: "try again")
            }
            unsafe buffer.withUnsafeBytes { unsafe hash.update(bufferPointer: .init(rebasing: $0[..<count])) }
            try archive.write(buffer[..<count])
            left -= count
        }
        return Array(hash.finalize())
    }

    /// The name of the file before it is whole.
    private static let draft = "backup.tar"

    private static func exists(_ path: String) -> DTAError {
        DTAError(.failedPrecondition, "\(path) is there already", helps: .replaceFile)
    }
}

/// The last component of a path.
func lastName(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
}
