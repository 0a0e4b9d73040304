import DTASystem
import Foundation
import GRDB

/// What the database knows about the log, so that the two can be compared: this finds a log that is missing, shorter or
/// replaced, and a database that is older than its log.
package struct AuditMemory: Sendable, Equatable {
    /// The files that dtad has finished.
    var files: [AuditFile] = []
    /// nil: nothing was stored yet.
    package var end: AuditEnd?
    /// The number of the database's last change; nil: do not compare it.
    package var change: UInt64?
}

/// How far the log went for certain, when that was stored.
package struct AuditEnd: Sendable, Equatable {
    /// The first record of the file that was current.
    var current: UInt64
    var place: AuditPlace
    /// Nothing was written after it: dtad stopped.
    package var isClean: Bool
    /// The facts of the file then.
    var seen: FileFacts?

    func file(fault: String) -> AuditFile {
        AuditFile(first: current, last: place.number, hash: place.hash, fault: fault)
    }
}

extension AuditLog {
    /// What the database should know, up to the last record that is on the disk: so after a power cut the database
    /// knows of no record that the log has lost.
    /// - Parameter isClean: whether nothing more will be written.
    /// - Returns: nil if no sync has followed since the last file was begun, or, for a clean end, since the last
    ///   record.
    package func memory(clean isClean: Bool = false) -> (files: [AuditFile], end: AuditEnd)? {
        state.withLock { state in
            guard let place = state.onDisk, !state.isNewFile, place.number + 1 >= state.segment.first else {
                return nil
            }
            if isClean, place.number + 1 != state.next { return nil }
            let seen = isClean ? try? state.segment.facts() : nil
            return (
                state.files, AuditEnd(current: state.segment.first, place: place, isClean: isClean, seen: seen)
            )
        }
    }
}

// MARK: In the database

extension AuditMemory {
    /// A database of a version without this memory, which no start has migrated yet, remembers nothing.
    package static func load(_ database: Database) throws -> AuditMemory {
        var memory = AuditMemory()
        guard try database.tableExists("audit_end") else { return memory }
        memory.change = (try Int64.fetchOne(database, sql: "SELECT number FROM state_change")).map(
            UInt64.init(bitPattern:))
        memory.files = try Row.fetchAll(database, sql: "SELECT * FROM audit_files ORDER BY first").map { row in
            var file = AuditFile(
                first: UInt64(bitPattern: row["first"]), last: UInt64(bitPattern: row["last"]), hash: row["hash"],
                seen: FileFacts(row))
            guard let standing = AuditFile.Standing(rawValue: row["standing"]) else {
                throw DTAError(.dataLoss, "the database names a standing of an audit file that there is not")
            }
            file.standing = standing
            if standing == .accepted { file.fault = row["fault"] }
            return file
        }
        memory.end = try Row.fetchOne(database, sql: "SELECT * FROM audit_end").map { row in
            AuditEnd(
                current: UInt64(bitPattern: row["current"]),
                place: AuditPlace(number: UInt64(bitPattern: row["number"]), hash: row["hash"]),
                isClean: row["clean"], seen: FileFacts(row))
        }
        return memory
    }

    package static func save(_ files: [AuditFile], _ database: Database) throws {
        try database.execute(sql: "DELETE FROM audit_files")
        for file in files {
            // Files with a fault are checked again, except accepted ones.
            let seen = file.fault == nil ? file.seen : nil
            try database.execute(
                sql: """
                    INSERT INTO audit_files
                      (first, last, hash, standing, fault, device, inode, size, modified, changed)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    Int64(bitPattern: file.first), Int64(bitPattern: file.last), file.hash, file.standing.rawValue,
                    file.standing == .accepted ? file.fault : nil,
                ] + FileFacts.arguments(seen))
        }
    }

    package static func save(_ end: AuditEnd, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO audit_end (id, current, number, hash, clean, device, inode, size, modified, changed)
                VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET current = excluded.current, number = excluded.number,
                  hash = excluded.hash, clean = excluded.clean, device = excluded.device, inode = excluded.inode,
                  size = excluded.size, modified = excluded.modified, changed = excluded.changed
                """,
            arguments: [
                Int64(bitPattern: end.current), Int64(bitPattern: end.place.number), end.place.hash, end.isClean,
            ] + FileFacts.arguments(end.seen))
    }
}

extension FileFacts {
    fileprivate init?(_ row: Row) {
        guard let device: Int64 = row["device"], let inode: Int64 = row["inode"], let size: Int64 = row["size"],
            let modified: Int64 = row["modified"], let changed: Int64 = row["changed"]
        else { return nil }
        self.init(
            device: UInt64(bitPattern: device), inode: UInt64(bitPattern: inode), size: size, modified: modified,
            changed: changed)
    }

    fileprivate static func arguments(_ facts: FileFacts?) -> StatementArguments {
        [
            facts.map { Int64(bitPattern: $0.device) }, facts.map { Int64(bitPattern: $0.inode) }, facts?.size,
            facts?.modified, facts?.changed,
        ]
    }
}
