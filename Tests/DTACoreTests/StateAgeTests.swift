import CustodyProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTALedger
@testable import DTAMaintenance

@Suite("A state directory of which parts are missing or old")
struct StateAgeTests {
    let directory: TemporaryDirectory
    var state: String { directory.path + "/state" }
    var database: String { state + "/state.sqlite" }

    init() throws {
        directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: state, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    private func copy(_ from: String, _ to: String) throws {
        try? FileManager.default.removeItem(atPath: to)
        try FileManager.default.copyItem(atPath: from, toPath: to)
    }

    /// An agent that ran, changed something, and ended.
    private func ran(changes: Int = 1, cleanly: Bool = true) throws {
        let log = try KeptLog(state)
        for _ in 0..<changes { try log.change() }
        if cleanly { try log.keeper.close() }
    }

    @Test("a state directory is no new state without its database", arguments: ["removed", "emptied"])
    func withoutDatabase(how: String) throws {
        try ran()
        try FileManager.default.removeItem(atPath: database)
        if how == "emptied" { try directory.write("state/state.sqlite", "") }
        let before = try Data(contentsOf: URL(fileURLWithPath: state + "/audit/audit-000000000001.jsonl"))
        let error = try refusal { _ = try KeptLog(state) }
        #expect(error.code == .failedPrecondition && error.message.contains("missing or empty"))
        #expect(error.hint.contains("restore a backup"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: state + "/audit/audit-000000000001.jsonl")) == before)
    }

    @Test(
        "a state directory keeps a write-ahead log whose database was removed, so that both can be put together again")
    func onlyWriteAheadLog() throws {
        let away = directory.file("away")
        do {
            let log = try KeptLog(state)
            try log.change()
            try copy(state, away)
        }
        try FileManager.default.removeItem(atPath: away + "/state.sqlite")
        #expect(code { _ = try KeptLog(away) } == .failedPrecondition)
        #expect(FileFacts.of(away + "/state.sqlite-wal")?.size ?? 0 > 0)
    }

    @Test("a state directory is not used with a database that was copied without its write-ahead log")
    func withoutWriteAheadLog() throws {
        let copied = directory.file("copied")
        do {
            let log = try KeptLog(state)
            try log.change()
            try log.store.truncateLog()
            try log.change()
            // As it lies there while dtad runs.
            try copy(state, copied)
        }
        for name in ["-wal", "-shm"] { try FileManager.default.removeItem(atPath: copied + "/state.sqlite" + name) }
        let error = try refusal { _ = try KeptLog(copied) }
        #expect(error.code == .failedPrecondition && error.message.contains("older than the audit log"), "\(error)")
        #expect(error.hint.contains("dtad restore"))
    }

    @Test("a state directory is not used with a database from before, though its log knows of a single change more")
    func olderDatabase() throws {
        try ran()
        try copy(database, directory.file("old"))
        try ran()
        try copy(directory.file("old"), database)
        #expect(try refusal { _ = try KeptLog(state) }.message.contains("older than the audit log"))
    }

    @Test("a state directory of which only the database is from before can be used once it went through a backup")
    func olderDatabaseRestored() throws {
        let made = try TemporaryDirectory()
        let (token, old) = (made.path + "/token", directory.file("old"))
        do {
            let host = try KeptLog.whenFree { try Host(made.path) }
            try host.core.recover(host.custodian)
            try host.core.close()
        }
        try copy(made.path + "/state.sqlite", old)
        do {
            let host = try KeptLog.whenFree { try Host(made.path) }
            _ = try host.key("k")
            try host.core.audit.append(event: "a record")
            try host.core.close()
        }
        try copy(old, made.path + "/state.sqlite")
        #expect(code { _ = try KeptLog.whenFree { try Host(made.path) } } == .failedPrecondition)
        let (file, target) = (directory.file("backup.tar"), directory.file("restored"))
        _ = try Backup(state: made.path, token: "dta").write(to: file, replacing: false)
        _ = try Restoration(backup: file, state: target).carryOut()
        try copy(token, target + "/token")
        for _ in 0..<2 {
            let host = try KeptLog.whenFree { try Host(target) }
            try host.core.recover(host.custodian)
            host.core.watch()
            let findings = try host.core.verifyAudit(root)
            #expect(host.core.halt == nil && findings.isSound, "\(findings)")
            try host.core.close()
        }
    }

    @Test(
        "a state directory is used as it is after a crash, whatever its log had not yet on the disk", arguments: 0...3)
    func powerCut(lines lost: Int) throws {
        do {
            let log = try KeptLog(state)
            try log.change()
            log.keeper.watch()
            try log.keeper.save()
            for _ in 0..<3 { try log.change() }
        }
        // What came after the last sync is gone, in the log and not in the database.
        let file = state + "/audit/audit-000000000001.jsonl"
        let lines = try Data(contentsOf: URL(fileURLWithPath: file)).split(separator: 10)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file))
        try handle.truncate(atOffset: UInt64(lines.dropLast(lost).reduce(0) { $0 + $1.count + 1 }))
        try handle.close()
        let log = try KeptLog(state)
        log.keeper.watch()
        #expect(log.keeper.halt == nil && log.journal.lines(.error).isEmpty)
        try log.change()
        #expect(try log.verify().isSound)
    }

    @Test("a state directory of an older version is taken as it is, and one whose log is gone does not begin at 1")
    func upgrade() throws {
        try ran()
        let sql = "DELETE FROM audit_end; DELETE FROM audit_files"
        func forget() throws {
            let store = try Store(directory: state)
            try store.note { try $0.execute(sql: sql) }
            try store.close()
        }
        try forget()
        do {
            let log = try KeptLog(state)
            log.keeper.watch()
            #expect(try log.keeper.halt == nil && log.verify().isSound && log.audit.count == 1)
            try log.keeper.close()
        }
        try forget()
        try FileManager.default.removeItem(atPath: state + "/audit")
        let log = try KeptLog(state)
        #expect(log.keeper.halt != nil)
        #expect(try log.lines.first?.hasPrefix("{\"n\":2,") == true && !log.verify().isSound)
    }

    @Test("a state directory that is new does not begin on a token that is not, unless an administrator says so")
    func usedToken() throws {
        let custodian = try SoftwareCustodian(directory.file("token"))
        try custodian.put(.user, ObjectOwner(uid: 1000), .random(), [1])
        let host = try Host(state)
        let error = try refusal { try host.core.recover(custodian) }
        #expect(error.code == .failedPrecondition && error.message.contains("1 key of an agent"))
        #expect(error.hint.contains("begin-anew"))
        try directory.write("state/begin-anew", "")
        try host.core.recover(custodian)
        #expect(!FileManager.default.fileExists(atPath: state + "/begin-anew"))
        try host.core.recover(custodian)
    }

    @Test(
        "a used token is not taken by a new state, although somebody stored something in it before the token was back")
    func usedTokenLater() throws {
        let custodian = try SoftwareCustodian(directory.file("token"))
        try custodian.put(.user, ObjectOwner(uid: 1000), .random(), [1])
        let host = try Host(state)
        _ = try host.core.ledger.put(alice, data: [1], contentType: "")
        #expect(try refusal { try host.core.recover(custodian) }.hint.contains("begin-anew"))
    }

    @Test(
        "the agent halts while the database or the lock is taken away, and goes on when it is back",
        arguments: ["state.sqlite", "lock"])
    func takenAway(name: String) throws {
        let log = try KeptLog(state)
        try log.change()
        #expect(rename(state + "/" + name, directory.file("away")) == 0)
        // A new file of the log, so that there is something to write down each time.
        try log.audit.state.withLock { try log.audit.beginSegment(&$0) }
        for _ in 0..<5 { log.keeper.watch() }
        #expect(log.keeper.halt?.message.contains(name) == true)
        #expect(log.journal.lines(.error, about: name).count == 1)
        let waits = name == "lock" ? 0 : 1
        #expect(log.journal.lines(.warning, about: "housekeeping").count == waits, "\(log.journal.lines(.warning))")
        #expect(rename(directory.file("away"), state + "/" + name) == 0)
        for _ in 0..<2 { log.keeper.watch() }
        #expect(log.keeper.halt == nil)
        #expect(log.journal.lines(.notice, about: "housekeeping of the database goes on").count == waits)
        #expect(try log.lines.count { $0.contains("\"event\"") } == 2)
    }
}
