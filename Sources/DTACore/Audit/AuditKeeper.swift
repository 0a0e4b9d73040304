import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import GRDB
import Logging

/// Keeps audit log, database and token in step: each records how far the others had come. So none can be lost, cut or
/// replaced by an older copy without the others noticing.
package final class AuditKeeper: Sendable {
    package let audit: AuditLog
    private let state: StateDirectory
    private let store: Store
    private let logger: Logger
    private let standing = Locked(Standing())
    /// Apart from the rest, because every request reads it.
    private let halted = Locked<DTAError?>(nil)

    private struct Standing: Sendable {
        /// Whether the database knows that the log continues.
        var isBegun = false
        var savedFiles: [AuditFile]?
        var savedEnd: AuditEnd?
        /// Monotonic time.
        var savedAt: UInt64 = 0
        var sealed: UInt64?
        var sealedAt: UInt64 = 0
        /// What was wrong with the database or its directory at the last look.
        var fault: DTAError?
        /// How the log differs from what the token sealed. Until an administrator accepts that, the seal stays.
        var endFault: String?
        /// Why the housekeeping of the database waits, as written to the journal. It is tried every second.
        var waiting: String?
        var isClosed = false
    }

    /// How often the end of the log is stored while it grows.
    private static let interval: UInt64 = 10 * 1_000_000_000

    /// Opens the log beside a database.
    /// - Throws: `DTAError.failedPrecondition` if one of the two is older than the other allows.
    package init(_ state: StateDirectory, _ store: Store, _ logger: Logger) throws {
        self.state = state
        self.store = store
        self.logger = logger
        let memory = try store.read { try AuditKeeper.memory($0, beside: state.path) }
        audit = try AuditLog(directory: state.path, memory: memory) { store.change }
        audit.hold("the database does not know of it yet")
        begin()
    }

    /// What a database knows about the log beside it.
    /// - Throws: `DTAError.failedPrecondition` if there is a log, and the database is a new one.
    package static func memory(_ database: Database, beside path: String) throws -> AuditMemory {
        var memory = try AuditMemory.load(database)
        guard memory.end == nil else { return memory }
        let hasRecords = AuditLog.hasRecords(path)
        if try Store.isBlank(database) {
            if hasRecords { throw AuditKeeper.emptyDatabase(path) }
        } else if !hasRecords {
            // From a version that stored no end; how far the log went is not known.
            memory.end = AuditEnd(
                current: 1, place: AuditPlace(number: 1, hash: AuditLine.origin), isClean: false, seen: nil)
        }
        return memory
    }

    /// If the database is missing, SQLite would make a new one, and discard the write-ahead log beside it.
    /// - Throws: `DTAError.failedPrecondition` if there must have been a database.
    package static func refuseMissingDatabase(_ path: String) throws {
        guard FileFacts.of("\(path)/state.sqlite").map({ $0.size == 0 }) ?? true else { return }
        let left = FileFacts.of("\(path)/state.sqlite-wal")?.size ?? 0
        if left > 0 || AuditLog.hasRecords(path) { throw emptyDatabase(path) }
    }

    private static func emptyDatabase(_ path: String) -> DTAError {
        DTAError(
            .failedPrecondition,
            "the database \(path)/state.sqlite is missing or empty, but what is beside it is of an agent that has run: its "
                + "keys, identities and orders are missing",
            hint:
                "put state.sqlite back, with the state.sqlite-wal that was beside it, or restore a backup; a new state "
                + "begins in an empty directory")
    }

    // MARK: Start

    /// Nothing is written to the log before the database knows that it continues: so records that others write behind
    /// its end while dtad is stopped are found.
    private func begin() {
        audit.inspect(readings: 8)
        standing.withLock { standing in
            do {
                try audit.sync()
                try save(&standing)
                guard standing.savedEnd != nil else { return }
                standing.isBegun = true
                audit.hold(nil)
                audit.report()
            } catch {
                audit.hold("\(DTAError(error).message)")
            }
        }
        look()
    }

    // MARK: Every second

    package func watch() {
        if standing.withLock({ !$0.isBegun && !$0.isClosed }) { return begin() }
        audit.inspect()
        // `sync` itself writes to the journal if it fails.
        try? audit.sync()
        standing.withLock { keepHouse(&$0) }
        look()
    }

    private func keepHouse(_ standing: inout Standing) {
        guard !standing.isClosed else { return }
        do {
            try saveIfDue(&standing)
            try store.rest()
            if standing.waiting != nil { logger.notice("housekeeping of the database goes on") }
            standing.waiting = nil
        } catch {
            let reason = DTAError(error).message
            if standing.waiting != reason {
                logger.warning("housekeeping of the database has to wait: \(reason)")
            }
            standing.waiting = reason
        }
    }

    /// Writes to the journal, and allows or stops the use of keys.
    private func look() {
        for notice in audit.takeNotices() {
            switch notice {
            case .error(let text): logger.error("\(text)")
            case .notice(let text): logger.notice("\(text)")
            }
        }
        settle()
    }

    /// Allows or stops the use of keys, by the present state.
    func settle() {
        let faults = audit.faults
        let damage = damage
        let endFault: String? = standing.withLock { standing in
            guard !standing.isClosed else { return standing.endFault }
            if standing.fault != damage {
                let text = damage?.message ?? "the files of the database are in their places again"
                if damage == nil { logger.notice("\(text)") } else { logger.error("\(text)") }
                try? audit.append(event: text)
            }
            standing.fault = damage
            return standing.endFault
        }
        halted.withLock {
            $0 = damage ?? AuditKeeper.halt(by: faults + (endFault.map { ["\(AuditKeeper.end): \($0)"] } ?? []))
        }
    }

    /// Accepts that the log is not as dtad wrote it, so that keys can be used again.
    /// - Returns: what was wrong.
    /// - Throws: `DTAError.failedPrecondition` if nothing is wrong, or only a file that dtad did not write is in the
    ///   way.
    package func accept() throws -> [String] {
        let endFault = standing.withLock { $0.endFault }
        let accepted = try audit.accept(also: endFault.map { ["\(AuditKeeper.end): \($0)"] } ?? [])
        standing.withLock { standing in
            guard endFault != nil else { return }
            standing.endFault = nil
            // The end is sealed again as soon as the token can.
            standing.sealed = 0
        }
        try save()
        settle()
        return accepted
    }

    private var damage: DTAError? {
        if let fault = store.fault { return fault }
        return state.fault.map {
            DTAError(
                .unavailable, "\($0) while dtad runs: a second dtad could start on this state",
                hint: "an administrator should restart dtad")
        }
    }

    /// Why keys are not used; nil if nothing is wrong.
    package static func halt(by faults: [String]) -> DTAError? {
        guard let first = faults.first else { return nil }
        let more = faults.count > 1 ? ", and \(faults.count - 1) more" : ""
        return DTAError(
            .unavailable, "the audit log is not as dtad wrote it: \(first)\(more); key use stops while that lasts",
            helps: .acceptAudit)
    }

    package var halt: DTAError? { halted.withLock { $0 } }

    // MARK: What the database knows

    /// Stores at once what is known about the log.
    package func save() throws {
        try standing.withLock { standing in
            if standing.isBegun, !standing.isClosed { try save(&standing) }
        }
    }

    private func saveIfDue(_ standing: inout Standing) throws {
        guard let now = audit.memory() else { return }
        let time = monotonicNanoseconds()
        let isDue = now.end.place != standing.savedEnd?.place && time - standing.savedAt >= AuditKeeper.interval
        guard isDue || now.files != standing.savedFiles || now.end.current != standing.savedEnd?.current else { return }
        try save(&standing)
    }

    private func save(_ standing: inout Standing, clean: Bool = false) throws {
        guard let (files, end) = audit.memory(clean: clean) else { return }
        let old = standing.savedFiles
        try store.note { database in
            if files != old { try AuditMemory.save(files, database) }
            try AuditMemory.save(end, database)
        }
        (standing.savedFiles, standing.savedEnd, standing.savedAt) = (files, end, monotonicNanoseconds())
    }

    // MARK: What the token knows

    private static let purpose = "audit end"
    package static let end = "its end"

    package var needsSeal: Bool {
        standing.withLock { standing in
            guard standing.isBegun, !standing.isClosed, let end = standing.savedEnd else { return false }
            return standing.sealed != nil && standing.sealed != end.place.number
                && monotonicNanoseconds() - standing.sealedAt >= AuditKeeper.interval
        }
    }

    /// Seals the end that was stored last.
    package func seal(_ signer: AuditSigner, _ custodian: any Custodian) throws {
        guard let place = standing.withLock({ $0.endFault == nil ? $0.savedEnd?.place : nil }) else { return }
        let end = SecretReference(copying: place.number.bigEndianBytes + Array(place.hash.utf8))
        let sealed = try custodian.ask(
            SealState(plaintext: end, purpose: AuditKeeper.purpose, id: signer.identity.bytes))
        try standing.withLock { standing in
            guard !standing.isClosed else { return }
            try store.note {
                try $0.execute(sql: "UPDATE audit_end SET sealed = ? WHERE id = 1", arguments: [Data(sealed)])
            }
            (standing.sealed, standing.sealedAt) = (place.number, monotonicNanoseconds())
        }
    }

    /// Compares the log with what the token sealed, and seals its end again if they agree.
    package func compareSeal(_ signer: AuditSigner, _ custodian: any Custodian) throws {
        if standing.withLock({ $0.sealed == nil }) {
            let blob = try store.read { try Data.fetchOne($0, sql: "SELECT sealed FROM audit_end") }
            if let blob,
                let fault = try AuditKeeper.fault(of: blob, signer.identity.bytes, custodian, look: audit.look)
            {
                logger.error(
                    "the audit log is not as dtad wrote it: \(AuditKeeper.end): \(fault); key use stops while that lasts"
                )
                if standing.withLock({ $0.endFault }) != fault {
                    try? audit.append(event: AuditReport.notAsWritten(name: AuditKeeper.end, reason: fault).text)
                }
                standing.withLock { $0.endFault = fault }
                return settle()
            } else if blob == nil, audit.count > 0 {
                logger.notice("the end of the audit log was not sealed by the token; it is now")
                try? audit.append(event: "the end of the log was not sealed by the token until now")
            }
        }
        do {
            try seal(signer, custodian)
        } catch let error as DTAError where error.code != .unavailable {
            logger.warning("the end of the audit log cannot be sealed: \(error.message)")
        }
    }

    /// How the log differs from what the token sealed; nil if it does not.
    /// - Parameter signer: the CID of the agent's identity.
    package static func fault(
        of blob: Data, _ signer: [UInt8], _ custodian: any Custodian,
        look: (UInt64) throws -> AuditLog.Whereabouts
    ) throws -> String? {
        let plain: [UInt8]
        do {
            plain = try custodian.ask(
                UnsealState(sealed: [UInt8](blob), purpose: AuditKeeper.purpose, id: signer)
            ).withBytes { Array(copying: $0) }
        } catch let error as DTAError where error.code == .dataLoss {
            return "what the token sealed of it does not open"
        }
        guard plain.count == 72 else { return "what the token sealed of it is not a record and its hash" }
        let number = UInt64(bigEndianBytes: plain[..<8])
        let hash = String(decoding: plain[8...], as: UTF8.self)
        guard number > 0 else { return nil }
        switch try look(number) {
        case .isThere(let found) where found == hash: return nil
        case .isElsewhere: return nil
        case .isThere: return "record \(number) is not the one that the token sealed"
        case .isMissing: return "record \(number), which the token sealed, is missing"
        }
    }

    // MARK: Stop

    package func close() throws {
        // A worker may still refuse what a client asks. Its record would stand behind the end that the database knows, and
        // the next start would take it for one that dtad did not write.
        audit.hold("the agent is stopping")
        try audit.sync()
        try standing.withLock { standing in
            guard !standing.isClosed else { return }
            standing.isClosed = true
            guard standing.fault == nil else { return }
            if standing.isBegun {
                try save(&standing)
                try save(&standing, clean: true)
            }
            try store.close()
        }
    }
}
