import DTAFormats
import DTASystem
import Foundation
import GRDB
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore

/// Log and database as dtad keeps them, without the rest of it.
struct KeptLog {
    let state: StateDirectory
    let store: Store
    let keeper: AuditKeeper
    let journal = Journal()
    var audit: AuditLog { keeper.audit }

    init(_ path: String) throws {
        state = try KeptLog.whenFree { try StateDirectory(path) }
        try AuditKeeper.refuseMissingDatabase(path)
        store = try Store(directory: path)
        keeper = try AuditKeeper(state, store, journal.logger)
    }

    /// A program that another test starts at this moment has a copy of the lock, until it is another program.
    static func whenFree<Result>(_ body: () throws -> Result) throws -> Result {
        for _ in 0..<1000 {
            do { return try body() } catch let error as DTAError where error.message.hasPrefix("another dtad") {
                usleep(10_000)  // pause: between two tries
            }
        }
        return try body()
    }

    func fill(_ count: Int) throws {
        for number in 0..<count {
            try audit.append(
                AuditRecord(
                    caller: alice, operation: "sign", subject: "key\(number)", result: "OK", microseconds: 120))
        }
    }

    /// A change of the database, and a record that follows it.
    func change() throws {
        try store.write { try $0.execute(sql: "INSERT INTO intents (kind, name, created) VALUES ('x', 'y', 1)") }
        try fill(1)
    }

    var lines: [String] { get throws { try audit.list(root, count: 1000, cursor: "").items } }

    func verify() throws -> AuditVerifier.Findings { try audit.verify { _ in nil } }
}

@Suite("An audit log that was tampered with")
struct AuditTamperingTests {
    let directory: TemporaryDirectory
    var path: String { directory.path }
    var state: String { path + "/state" }
    var spare: String { path + "/spare" }

    init() throws {
        directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: state, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    func file(_ first: UInt64 = 1) -> String { "\(state)/audit/\(AuditSegment.name(first: first))" }

    @Test("a record that comes when dtad has ended its log is refused, and the next start finds nothing wrong")
    func afterTheEnd() throws {
        do {
            let log = try KeptLog(state)
            try log.fill(3)
            try log.keeper.close()
            #expect(throws: DTAError.self) { try log.fill(1) }
        }
        let log = try KeptLog(state)
        try log.fill(1)
        #expect(try log.lines.count == 4)
        try log.keeper.close()
        #expect(try verifyFiles().problems == 0)
    }

    /// The offline verification, as dtactl does it.
    func verifyFiles() throws -> AuditVerifier.Findings {
        var verifier = AuditVerifier { _ in nil }
        for name in try FileManager.default.contentsOfDirectory(atPath: state + "/audit").sorted() {
            verifier.begin(file: name)
            for line in try Data(contentsOf: URL(fileURLWithPath: "\(state)/audit/\(name)")).split(separator: 10) {
                verifier.read(Array(line))
            }
        }
        return verifier.findings
    }

    /// Whether all has been noticed, once.
    private func expectNoticed(_ log: KeptLog, errors: Int = 1) throws {
        let name = AuditSegment.name(first: 1)
        #expect(log.keeper.halt?.code == .unavailable && log.keeper.halt?.message.contains(name) == true)
        #expect(log.journal.lines(.error, about: name).count == errors, "\(log.journal.lines(.error))")
        let findings = try log.verify()
        #expect(!findings.isSound && findings.firstProblem?.contains(name) == true, "\(findings)")
        #expect(try log.lines.filter { $0.contains("\"event\":\"not as written: \(name)") }.count == errors)
        #expect(try !verifyFiles().isSound)
        #expect(log.audit.count > 1)
    }

    private func expectSound(_ log: KeptLog) throws {
        let (online, offline) = (try log.verify(), try verifyFiles())
        #expect(online.isSound && offline.isSound, "\(online)")
    }

    @Test(
        "a change to an audit log is noticed while dtad runs, said once, and use goes on by itself once it is mended",
        arguments: Tampering.allCases)
    func running(_ tampering: Tampering) throws {
        let log = try KeptLog(state)
        try log.fill(5)
        for _ in 0..<2 { log.keeper.watch() }
        #expect(log.keeper.halt == nil && log.journal.lines(.error).isEmpty)
        try tampering.apply(to: file(), spare: spare)
        for _ in 0..<3 { log.keeper.watch() }
        try expectNoticed(log)
        try log.fill(1)
        guard !tampering.isFinal else { return }
        try tampering.mend(file(), spare: spare)
        for _ in 0..<2 { log.keeper.watch() }
        #expect(log.keeper.halt == nil, "\(String(describing: log.keeper.halt))")
        #expect(log.journal.lines(.notice, about: "as dtad wrote it again").count == 1)
        try expectSound(log)
        #expect(try log.lines.contains { $0.contains("\"event\":\"as written again: audit-000000000001.jsonl\"") })
    }

    @Test("a change to an older file of the audit log is noticed while dtad runs, too", arguments: Tampering.allCases)
    func older(_ tampering: Tampering) throws {
        let log = try KeptLog(state)
        try log.fill(5)
        try log.audit.state.withLock { try log.audit.beginSegment(&$0) }
        try log.fill(5)
        for _ in 0..<2 { log.keeper.watch() }
        #expect(log.keeper.halt == nil && log.journal.lines(.error).isEmpty)
        try tampering.apply(to: file(), spare: spare)
        for _ in 0..<3 { log.keeper.watch() }
        #expect(log.keeper.halt != nil && !log.journal.lines(.error, about: AuditSegment.name(first: 1)).isEmpty)
        #expect(try !log.verify().isSound)
        guard !tampering.isFinal else { return }
        try tampering.mend(file(), spare: spare)
        for _ in 0..<3 { log.keeper.watch() }
        #expect(log.keeper.halt == nil, "\(String(describing: log.keeper.halt))")
        try expectSound(log)
    }

    @Test(
        "a change to an audit log is noticed at the next start, after a clean end and after a crash",
        arguments: Tampering.allCases, [true, false])
    func stopped(_ tampering: Tampering, isClean: Bool) throws {
        do {
            let log = try KeptLog(state)
            try log.change()
            try log.fill(5)
            try log.audit.sync()
            if isClean { try log.keeper.close() } else { try log.keeper.save() }
        }
        try tampering.apply(to: file(), spare: spare)
        do {
            let log = try KeptLog(state)
            for _ in 0..<2 { log.keeper.watch() }
            try expectNoticed(log)
            try log.fill(1)
            try log.keeper.close()
        }
        // What was not accepted is noticed by every start.
        do {
            let log = try KeptLog(state)
            log.keeper.watch()
            #expect(log.keeper.halt != nil && log.journal.lines(.error).count == 1)
            guard !tampering.isFinal else { return }
            try tampering.mend(file(), spare: spare)
            for _ in 0..<2 { log.keeper.watch() }
            #expect(log.keeper.halt == nil, "\(String(describing: log.keeper.halt))")
            try expectSound(log)
            try log.keeper.close()
        }
        let log = try KeptLog(state)
        #expect(log.keeper.halt == nil && log.journal.lines(.error).isEmpty)
    }

    @Test(
        "an audit log of which two files have exchanged their names is noticed while dtad runs and at its start, and goes on when that is undone",
        arguments: [(UInt64(1), UInt64(6)), (6, 11)], [true, false])
    func swapped(_ names: (UInt64, UInt64), isRunning: Bool) throws {
        func exchange() {
            for (from, to) in [(file(names.0), spare), (file(names.1), file(names.0)), (spare, file(names.1))] {
                #expect(rename(from, to) == 0)
            }
        }
        func fill(_ log: KeptLog) throws {
            for _ in 0..<2 {
                try log.fill(5)
                try log.audit.state.withLock { try log.audit.beginSegment(&$0) }
            }
            try log.fill(5)
            for _ in 0..<2 { log.keeper.watch() }
            #expect(log.keeper.halt == nil && log.journal.lines(.error).isEmpty)
        }
        func notice(_ log: KeptLog) throws {
            for _ in 0..<4 { log.keeper.watch() }
            #expect(log.keeper.halt?.code == .unavailable)
            for name in [names.0, names.1].map(AuditSegment.name) {
                #expect(!log.journal.lines(.error, about: name).isEmpty, "\(name): \(log.journal.lines(.error))")
            }
            #expect(try !log.verify().isSound && !verifyFiles().isSound)
            try log.fill(1)
            exchange()
            for _ in 0..<4 { log.keeper.watch() }
            #expect(log.keeper.halt == nil, "\(String(describing: log.keeper.halt))")
            try expectSound(log)
        }
        if isRunning {
            let log = try KeptLog(state)
            try fill(log)
            exchange()
            return try notice(log)
        }
        do {
            let log = try KeptLog(state)
            try fill(log)
            try log.keeper.close()
        }
        exchange()
        try notice(try KeptLog(state))
    }

    @Test(
        "an audit log of which a file is lost for good goes on once an administrator accepts that, and never verifies again"
    )
    func accepting() throws {
        do {
            let log = try KeptLog(state)
            try log.change()
            try log.fill(5)
            #expect(code { _ = try log.audit.accept() } == .failedPrecondition)
            try Tampering.removed.apply(to: file(), spare: spare)
            log.keeper.watch()
            #expect(log.keeper.halt != nil)
            #expect(try log.audit.accept().count == 1)
            try log.keeper.save()
            log.keeper.watch()
            #expect(log.keeper.halt == nil)
            #expect(
                try log.lines.contains { $0.contains("accepted as it is: audit-000000000001.jsonl: it is missing") })
            #expect(try !log.verify().isSound && !verifyFiles().isSound)
            try log.keeper.close()
        }
        let log = try KeptLog(state)
        log.keeper.watch()
        #expect(log.keeper.halt == nil && log.journal.lines(.error).isEmpty)
        #expect(try log.verify().firstProblem?.contains("audit-000000000001.jsonl: it is missing") == true)
    }

    @Test("an audit log of which older files are archived lets them be moved, and no others")
    func archiving() throws {
        do {
            let log = try KeptLog(state)
            try log.change()
            try log.fill(5)
            let files = try log.audit.archive()
            #expect(files == [file()])
            try log.fill(3)
            try log.keeper.save()
            try FileManager.default.moveItem(atPath: file(), toPath: spare)
            for _ in 0..<2 { log.keeper.watch() }
            #expect(log.keeper.halt == nil && log.journal.lines(.error).isEmpty)
            let findings = try log.verify()
            #expect(findings.isSound && findings.first == 7, "\(findings)")
            #expect(try log.lines.contains { $0.contains("the files up to record 6 may be moved away") })
            try log.keeper.close()
        }
        let log = try KeptLog(state)
        #expect(log.keeper.halt == nil)
        try log.fill(2)
        try FileManager.default.moveItem(atPath: file(7), toPath: spare + "2")
        log.keeper.watch()
        #expect(log.keeper.halt != nil)
        #expect(code { _ = try log.audit.archive() } == .failedPrecondition)
    }

    @Test(
        "an audit log of which a file was archived and moved away does not take anything else under its name",
        arguments: ["changed", "junk", "empty", "link", "folder"], [true, false])
    func replacedArchive(what: String, isRunning: Bool) throws {
        var log: KeptLog? = try KeptLog(state)
        try log?.fill(5)
        _ = try log?.audit.archive()
        try FileManager.default.moveItem(atPath: file(), toPath: spare)
        try log?.fill(2)
        log?.keeper.watch()
        #expect(log?.keeper.halt == nil)
        if !isRunning {
            try log?.keeper.close()
            log = nil
        }
        let records = try String(contentsOfFile: spare, encoding: .utf8)
        let name = AuditSegment.name(first: 1)
        switch what {
        case "link": #expect(symlink(spare, file()) == 0)
        case "folder": #expect(mkdir(file(), 0o700) == 0)
        default:
            let text =
                ["changed": records.replacingOccurrences(of: "key1", with: "key9"), "junk": "junk\n"][what] ?? ""
            try directory.write("state/audit/\(name)", text)
        }
        let now = try log ?? KeptLog(state)
        for _ in 0..<3 { now.keeper.watch() }
        #expect(now.keeper.halt?.message.contains("\(name): ") == true)
        #expect(now.journal.lines(.error, about: name).count == 1, "\(now.journal.lines(.error))")
        #expect(try now.verify().firstProblem?.contains("\(name): ") == true)
        #expect(code { _ = try now.audit.archive() } == .failedPrecondition)
        #expect(try refusal { _ = try now.audit.accept() }.hint == "move it away")
        try FileManager.default.removeItem(atPath: file())
        for _ in 0..<2 { now.keeper.watch() }
        #expect(try now.keeper.halt == nil && now.verify().isSound)
        // The file itself may come back, whoever it belongs to now and however many names it has.
        #expect(link(spare, file()) == 0 && chmod(spare, 0o660) == 0)
        for _ in 0..<2 { now.keeper.watch() }
        #expect(try now.keeper.halt == nil && now.verify().isSound)
    }

    @Test("an audit log of which a file has a name that dtad did not give is not used until that is moved away")
    func stranger() throws {
        let log = try KeptLog(state)
        try log.fill(5)
        try directory.write("state/audit/\(AuditSegment.name(first: 900))", "{}\n")
        log.keeper.watch()
        #expect(log.keeper.halt?.message.contains("dtad did not write it") == true)
        #expect(try refusal { _ = try log.audit.accept() }.hint == "move it away")
        #expect(try !log.verify().isSound)
        try FileManager.default.removeItem(atPath: file(900))
        log.keeper.watch()
        #expect(try log.keeper.halt == nil && log.verify().isSound)
    }

    @Test(
        "an audit log goes on in its own last file, whatever somebody put beside it while dtad was stopped",
        arguments: [true, false], ["", "{}\n", "folder", "pipe", "next"])
    func planted(cleanly: Bool, what: String) throws {
        do {
            let log = try KeptLog(state)
            try log.fill(5)
            if cleanly { try log.keeper.close() } else { try log.audit.sync() }
        }
        // An empty file behind the last record is one that dtad itself begins, just before a crash.
        let first: UInt64 = what == "next" ? (cleanly ? 6 : 7) : 99_999
        let place = file(first)
        switch what {
        case "folder": #expect(mkdir(place, 0o700) == 0)
        case "pipe": #expect(mkfifo(place, 0o600) == 0)
        default:
            #expect(FileManager.default.createFile(atPath: place, contents: Data((what == "next" ? "" : what).utf8)))
        }
        chmod(place, 0o600)
        let log = try KeptLog(state)
        let name = AuditSegment.name(first: first)
        #expect(log.keeper.halt?.message.contains("\(name): dtad did not write it") == true)
        #expect(log.journal.lines(.error, about: AuditSegment.name(first: 1)).isEmpty)
        try log.fill(1)
        #expect(try String(contentsOfFile: file(1), encoding: .utf8).contains("\"n\":6"))
        try FileManager.default.removeItem(atPath: place)
        log.keeper.watch()
        #expect(log.keeper.halt == nil)
        try expectSound(log)
    }

    @Test("an audit log of which the directory is replaced by a link is not written to until that is gone")
    func linkedDirectory() throws {
        let log = try KeptLog(state)
        try log.fill(2)
        try FileManager.default.moveItem(atPath: state + "/audit", toPath: spare)
        symlink(spare, state + "/audit")
        log.keeper.watch()
        let error = try refusal { try log.fill(1) }
        #expect(error.code == .unavailable && error.message.contains("a symbolic link"))
        #expect(log.journal.lines(.error, about: "a symbolic link").count == 1)
        try FileManager.default.removeItem(atPath: state + "/audit")
        try FileManager.default.moveItem(atPath: spare, toPath: state + "/audit")
        log.keeper.watch()
        try log.fill(1)
        #expect(try log.keeper.halt == nil && log.verify().isSound)
        #expect(try log.lines.contains { $0.contains("requests could not be recorded for a while") })
    }

    @Test("an audit log to which records are added that follow each other, while dtad is stopped, is not believed")
    func forgedTail() throws {
        do {
            let log = try KeptLog(state)
            try log.change()
            try log.keeper.close()
        }
        let before = try Data(contentsOf: URL(fileURLWithPath: file()))
        do {
            // dtad's own means, without its database.
            let forger = try AuditLog(directory: state)
            try forger.append(
                AuditRecord(caller: bob, operation: "sign", subject: "forged", result: "OK", microseconds: 1))
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: file())).count > before.count)
        let log = try KeptLog(state)
        try expectNoticed(log)
    }

    @Test("an audit log that was changed together with what the database knows of it is found by the token's seal")
    func sealed() throws {
        let made = try TemporaryDirectory()
        do {
            let host = try KeptLog.whenFree { try Host(made.path) }
            try host.core.recover(host.custodian)
            _ = try host.key("k")
            for _ in 0..<5 { try host.core.audit.append(event: "something") }
            try host.core.audit.sync()
            try host.core.sealAuditEnd(host.custodian)
            try host.core.close()
        }
        // Somebody with the files and without the token makes the log shorter, and the database believe it.
        let log = made.file("audit/audit-000000000001.jsonl")
        let lines = try Data(contentsOf: URL(fileURLWithPath: log)).split(separator: 10)
        let kept = lines.prefix(2)
        try Data(kept.joined(separator: [10]) + [10]).write(to: URL(fileURLWithPath: log))
        do {
            let queue = try DatabaseQueue(path: made.file("state.sqlite"))
            try queue.write {
                try $0.execute(
                    sql: "UPDATE audit_end SET number = 2, hash = ?, device = NULL",
                    arguments: [AuditLine.hash(of: Array(kept.last!))])
            }
            try queue.close()
        }
        // A restart finds it again: nothing was sealed over it.
        for isLast in [false, true] {
            let host = try KeptLog.whenFree { try Host(made.path) }
            #expect(host.core.halt == nil)
            try host.core.recover(host.custodian)
            let findings = try host.core.verifyAudit(root)
            #expect(findings.firstProblem?.contains("which the token sealed, is missing") == true, "\(findings)")
            #expect(host.core.halt?.message.contains("its end: record") == true)
            if isLast {
                #expect(try host.core.acceptAudit(root).contains { $0.hasPrefix("its end: record") })
                #expect(host.core.halt == nil && host.core.needsSeal)
                #expect(throws: DTAError.self) { try host.core.acceptAudit(root) }
            }
            try host.core.sealAuditEnd(host.custodian)
            try host.core.close()
        }
        let host = try KeptLog.whenFree { try Host(made.path) }
        try host.core.recover(host.custodian)
        #expect(host.core.halt == nil)
    }

    @Test(
        "an audit log that cannot be written says so in the journal once, and once when it can be again, also on a full disk"
    )
    func fullDisk() throws {
        guard let small = try SmallDisk(kilobytes: 2048, at: directory.file("small")) else { return }
        let log = try KeptLog(small.path)
        let filler = small.path + "/filler"
        let descriptor = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        let zeros = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, zeros, zeros.count) > 0 {}
        close(descriptor)
        #expect(code { for _ in 0..<50 { try log.fill(100) } } == .unavailable)
        for _ in 0..<3 {
            #expect(code { try log.fill(1) } == .unavailable)
            log.keeper.watch()
        }
        #expect(log.journal.lines(.error, about: "cannot be written").count == 1, "\(log.journal.lines(.error))")
        try FileManager.default.removeItem(atPath: filler)
        try log.fill(1)
        log.keeper.watch()
        #expect(log.journal.lines(.notice, about: "can be written again").count == 1)
        #expect(try log.lines.contains { $0.contains("requests could not be recorded for a while") })
        #expect(try log.verify().isSound && log.keeper.halt == nil)
    }

    @Test("an audit log that is made immutable is noticed although there is no request, and goes on by itself")
    func immutable() throws {
        let log = try KeptLog(state)
        try log.fill(2)
        guard try run("chattr", ["+i", file()]).status == 0 else {
            return print("SKIPPED: no file can be made immutable here")
        }
        defer { _ = try? run("chattr", ["-i", file()]) }
        log.keeper.watch()
        #expect(log.journal.lines(.error, about: "is immutable").count == 1)
        #expect(code { try log.fill(1) } == .unavailable)
        log.keeper.watch()
        #expect(log.journal.lines(.error).count == 1)
        _ = try run("chattr", ["-i", file()])
        try log.fill(1)
        log.keeper.watch()
        #expect(log.journal.lines(.notice, about: "can be written again").count == 1)
        #expect(try log.verify().isSound)
    }
}
