import AgentProtocol
import DTASystem
import Foundation
import Glibc
import TestSupport
import Testing

/// What `dtad run` would make of a state, as `dtad check` says it before.
@Suite("dtad check on a state that is not whole", .ownThread)
struct CheckStateTests {
    private let agent: TestAgent
    private var database: String { agent.state + "/state.sqlite" }
    private var audit: String { agent.state + "/audit" }
    private var log: String { audit + "/audit-000000000001.jsonl" }

    /// An agent that ran, made keys and was stopped.
    init() throws {
        agent = try TestAgent()
        for name in ["k", "l"] { _ = try agent.client().call(.createKey(name, type: .p256)) }
        #expect(agent.stop() == 0)
    }

    private func check() throws -> Finished {
        try run(try Binary.path("dtad"), ["check", "--config", agent.configuration])
    }

    /// What is in the state directory beside the database's own index: names, sizes, and the log itself.
    private func content() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: agent.state).sorted()
            .filter { !$0.hasPrefix("tokens") && !$0.hasSuffix("-shm") && !$0.hasSuffix("-wal") }
            .map { name in
                var status = stat()
                lstat("\(agent.state)/\(name)", &status)
                return "\(name) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
            }
    }

    /// Whether `check` fails with what `run` then ends with.
    private func expectBothRefuse(_ words: String) throws {
        let before = try content()
        let checked = try check()
        #expect(checked.status == 1 && checked.text.contains("FAIL"), "\(checked.text)")
        #expect(!checked.text.contains("no agent has run on this state yet"), "\(checked.text)")
        #expect(try content() == before, "check changes nothing")
        try agent.launch()
        #expect(agent.waitForEnd() == 78)
        let said =
            agent.log.split(separator: "\n").last { $0.hasPrefix("dtad: ") }?.dropFirst("dtad: ".count) ?? "nothing"
        #expect(said.contains(words), "\(said)")
        #expect(checked.text.contains(said), "\(checked.text)")
    }

    /// Whether `check` fails with what an agent then says of its state, and uses no keys for.
    private func expectNoUse() throws {
        let before = try content()
        let checked = try check()
        #expect(checked.status == 1, "\(checked.text)")
        #expect(try content() == before, "check changes nothing")
        try agent.start()
        var reason = ""
        try agent.wait("the reason") {
            reason = try agent.client().call(.status()).fields.first { $0.name == "reason" }?.value ?? ""
            return !reason.isEmpty
        }
        #expect(checked.text.contains("FAIL  audit log      \(reason)"), "\(reason)\n\(checked.text)")
    }

    private func remove(_ names: String...) throws {
        for name in names where FileManager.default.fileExists(atPath: "\(agent.state)/\(name)") {
            try FileManager.default.removeItem(atPath: "\(agent.state)/\(name)")
        }
    }

    @Test(
        "dtad check fails if the database is missing or empty beside its log, as dtad run does",
        arguments: ["removed", "emptied"])
    func withoutDatabase(how: String) throws {
        try remove("state.sqlite-wal", "state.sqlite-shm")
        if how == "removed" { try remove("state.sqlite") } else { #expect(truncate(database, 0) == 0) }
        try expectBothRefuse("is missing or empty")
    }

    @Test("dtad check fails if only the database's write-ahead log is left, as dtad run does")
    func onlyWriteAheadLog() throws {
        try remove("state.sqlite", "audit")
        try Data("rows".utf8).write(to: URL(fileURLWithPath: database + "-wal"))
        try expectBothRefuse("is missing or empty")
    }

    @Test("dtad check fails if the database is older than the audit log, as dtad run does")
    func olderDatabase() throws {
        let old = agent.directory.file("old.sqlite")
        try FileManager.default.copyItem(atPath: database, toPath: old)
        try agent.start()
        _ = try agent.client().call(.createKey("m", type: .p256))
        #expect(agent.stop() == 0)
        try remove("state.sqlite", "state.sqlite-wal", "state.sqlite-shm")
        try FileManager.default.copyItem(atPath: old, toPath: database)
        try expectBothRefuse("is older than the audit log")
    }

    @Test(
        "dtad check fails if a new state is beside a token that had an agent, as dtad run does, unless an administrator says that it is meant"
    )
    func usedToken() throws {
        try remove("state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "audit", "segments", "lock")
        let checked = try check()
        #expect(
            checked.status == 1 && checked.text.contains("belongs to no token yet, but the token has"),
            "\(checked.text)")
        #expect(!FileManager.default.fileExists(atPath: database))
        try agent.launch()
        #expect(agent.waitForEnd() == 78)
        #expect(agent.log.contains("belongs to no token yet, but the token has"), "\(agent.log)")
        #expect(try check().status == 1)
        try Data().write(to: URL(fileURLWithPath: agent.state + "/begin-anew"))
        let meant = try check()
        #expect(meant.status == 0, "\(meant.text)")
        try agent.start()
        #expect(agent.stop() == 0)
        let again = try check()
        #expect(again.status == 0, "\(again.text)")
    }

    @Test(
        "dtad check fails if a folder of the state is a link or others may write to it, as dtad run does",
        arguments: ["audit", "segments"])
    func folders(name: String) throws {
        let path = "\(agent.state)/\(name)"
        chmod(path, 0o770)
        try expectBothRefuse("others than its owner may write to \(path)")
        chmod(path, 0o700)
        try FileManager.default.moveItem(atPath: path, toPath: agent.directory.file("elsewhere"))
        symlink(agent.directory.file("elsewhere"), path)
        try expectBothRefuse("\(path) is a symbolic link")
    }

    @Test(
        "dtad check fails if the folder of the audit log belongs to another user, as dtad run does",
        .enabled(if: OtherUser.arePossible)
    )
    func foreignFolder() throws {
        chown(audit, OtherUser.wwwData.uid, 0)
        try expectBothRefuse("\(audit) belongs to uid \(OtherUser.wwwData.uid)")
    }

    @Test("dtad check fails if a link lies in the place of the lock, as dtad run does")
    func lock() throws {
        try remove("lock")
        symlink("/dev/null", agent.state + "/lock")
        try expectBothRefuse("\(agent.state)/lock is a symbolic link")
    }

    @Test(
        "dtad check fails if a file of the audit log is not as dtad wrote it, with the reason for which an agent uses no keys",
        arguments: Tampering.allCases)
    func log(tampering: Tampering) throws {
        try tampering.apply(to: log, spare: agent.directory.file("spare"))
        try expectNoUse()
    }

    @Test(
        "dtad check fails if a file lies beside the audit log that dtad did not write, with the reason for which an agent uses no keys"
    )
    func stranger() throws {
        try Data("{}\n".utf8).write(to: URL(fileURLWithPath: audit + "/audit-000000000900.jsonl"))
        chmod(audit + "/audit-000000000900.jsonl", 0o600)
        try expectNoUse()
    }

    @Test(
        "dtad check fails if the audit log was cut together with what the database knows of it, because the token sealed its end"
    )
    func seal() throws {
        let lines = try Data(contentsOf: URL(fileURLWithPath: log)).split(separator: 10)
        let left = lines.dropLast(2)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: log))
        try file.truncate(atOffset: UInt64(left.reduce(0) { $0 + $1.count + 1 }))
        try file.close()
        let hash = try run("sha256sum", [], input: Array(left.last!)).text.prefix(64)
        try agent.change("UPDATE audit_end SET number = \(left.count), hash = '\(hash)', device = NULL")
        try expectNoUse()
        #expect(agent.log.contains("which the token sealed, is missing"), "\(agent.log)")
    }

    @Test("dtad check finds nothing wrong after a crash, leaves the end of the log as it is, and dtad run goes on")
    func crashed() throws {
        try agent.start()
        _ = try agent.client().call(.createKey("m", type: .p256))
        agent.crash()
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: log))
        try file.seekToEnd()
        try file.write(contentsOf: Data("{\"n\":9".utf8))
        try file.close()
        let before = try content()
        let checked = try check()
        #expect(checked.status == 0 && checked.text.contains("its files are as dtad wrote them"), "\(checked.text)")
        #expect(try content() == before)
        try agent.start()
        #expect(try agent.client().call(.sign(key: "m", message: [1])).code == .ok)
    }

    @Test("dtad check finds nothing wrong with the state of an agent that writes meanwhile")
    func running() throws {
        try agent.start()
        let client = agent.client()
        let isOver = Locked(false)
        Foundation.Thread.detachNewThread { [agent] in
            let own = agent.client()
            for number in 0... where !isOver.withLock({ $0 }) {
                _ = try? own.call(.createKey("busy\(number)", type: .hmacSha256))
                _ = try? own.call(.deleteKey("busy\(number)"))
            }
        }
        for _ in 0..<3 {
            let checked = try check()
            #expect(checked.status == 0, "\(checked.text)")
        }
        isOver.withLock { $0 = true }
        #expect(try client.call(.sign(key: "k", message: [1])).code == .ok)
    }
}
