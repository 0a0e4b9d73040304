import CustodyProtocol
import DTACore
import DTAIdentities
import DTASystem
import Foundation
import GRDB

/// Compares the parts of a state directory with each other and with the token, as a start does, without changing
/// anything: for `dtad check`, whether or not an agent runs.
package struct StateComparison {
    /// Why an agent would run without using keys; nil if nothing prevents it.
    package let halt: DTAError?
    /// Whether the state belongs to no token yet.
    package let isNew: Bool
    private let path: String
    private let known: Known?
    private let start: AuditStart?

    /// - Throws: `DTAError` with the reason for which a start would fail.
    package init(state path: String) throws {
        self.path = path
        try StateDirectory.check(path)
        try AuditKeeper.refuseMissingDatabase(path)
        let database = "\(path)/\(BackupManifest.databaseName)"
        for ending in StoreFiles.endings + [StoreFiles.journal] { try OwnPlace.checkFile(database + ending) }
        for folder in ["audit", "segments"] { try OwnPlace.checkFolder("\(path)/\(folder)") }
        guard FileFacts.of(database) != nil else {
            (halt, isNew, known, start) = (nil, true, nil, nil)
            return
        }
        do {
            let (known, start) = try StateComparison.compare(path, database)
            (self.known, self.start) = (known, start)
            halt = AuditKeeper.halt(by: start.faults)
            isNew = !known.hasToken
        } catch let error as SystemCallError {
            throw DTAError(.unavailable, "the audit log in \(path)/audit cannot be read: \(error)")
        }
    }

    // MARK: With the token

    /// - Throws: `DTAError.failedPrecondition` if the state never had a token, but this token has an agent's keys.
    package func refuseUsedToken(_ custodian: any Custodian) throws {
        guard isNew, !StateDirectory.mayBeginAnew(path) else { return }
        try UsedToken.refuse(custodian, beside: path)
    }

    /// Compares the end of the audit log with the end that the token sealed.
    /// - Returns: why keys would not be used; nil if both are the same, or nothing was sealed yet.
    package func compareSeal(_ custodian: any Custodian) throws -> DTAError? {
        guard let start, let sealed = known?.sealed, let agent = known?.agent else { return nil }
        let fault = try AuditKeeper.fault(of: sealed, [UInt8](agent), custodian, look: start.look)
        return AuditKeeper.halt(by: fault.map { ["\(AuditKeeper.end): \($0)"] } ?? [])
    }

    // MARK: Database and log

    /// What the database knows.
    private struct Known {
        let memory: AuditMemory
        /// The end of the log as the token sealed it, and the CID of the identity for which it did.
        let sealed: Data?
        let agent: Data?
        let hasToken: Bool

        /// The database may be of a version that lacks a table.
        init(_ database: Database, beside path: String) throws {
            memory = try AuditKeeper.memory(database, beside: path)
            func first(_ table: String, _ sql: String) throws -> Data? {
                try database.tableExists(table) ? try Data.fetchOne(database, sql: sql) : nil
            }
            sealed = try first("audit_end", "SELECT sealed FROM audit_end")
            agent = try first(
                "identities",
                "SELECT cid FROM identities WHERE name = '\(IdentityService.agentName)' ORDER BY rowid DESC LIMIT 1")
            func hasRows(_ table: String) throws -> Bool {
                try database.tableExists(table)
                    && Int.fetchOne(database, sql: "SELECT 1 FROM \(table) LIMIT 1") != nil
            }
            hasToken =
                try agent != nil || hasRows("keys") || hasRows("intents")
                || database.tableExists("token") && KnownToken.read(database) != nil
        }
    }

    /// A running agent writes meanwhile: how often the comparison is tried.
    private static let attempts = 5

    private static func compare(_ path: String, _ database: String) throws -> (Known, AuditStart) {
        let directory = "\(path)/audit"
        func names() throws -> [UInt64] {
            try OwnPlace.checkFolder(directory) ? try AuditSegment.all(in: directory) : []
        }
        func read() throws -> Known {
            do {
                return try DatabaseQueue(path: database, configuration: StateSnapshot.readOnly).read {
                    guard try !StoreMigrations.migrator.hasBeenSuperseded($0) else { throw Store.newer(database) }
                    return try Known($0, beside: path)
                }
            } catch {
                throw StoreError.opening(database, error)
            }
        }
        for _ in 1..<attempts {
            // The log first: the changes that it names are in the database already.
            let told = try AuditLog.told(directory, try names())
            let known = try read()
            let outcome = Result {
                var start = try AuditLog.start(directory, try names(), known.memory, told: told)
                start.examine()
                return start
            }
            if let start = try? outcome.get(), start.faults.isEmpty { return (known, start) }
            if try read().memory == known.memory { return (known, try outcome.get()) }
        }
        throw DTAError(
            .unavailable, "the audit log in \(directory) changes faster than it can be compared", hint: "try again")
    }
}
