import AgentProtocol
import DTASystem
import Foundation
import TestSupport
import Testing

/// What somebody does to the files of an agent's state, and what they get to hear of it.
@Suite("An agent whose state was tampered with", .ownThread)
struct TamperingTests {
    private let agent: TestAgent
    private var client: BlockingAgentClient { agent.client() }
    private var log: String { agent.state + "/audit/audit-000000000001.jsonl" }
    private var spare: String { agent.directory.file("spare") }

    init() throws {
        agent = try TestAgent()
        _ = try agent.client().call(.createKey("k", type: .p256))
        for _ in 0..<3 { _ = try sign() }
    }

    private func sign() throws -> Data { try client.call(.sign(key: "k", message: [1])).data }

    private func isRefused(_ reason: String) throws {
        try agent.wait("a refusal because of \(reason)") { () -> Bool in
            do { _ = try sign() } catch let error as DTAError {
                return error.code == .unavailable && error.message.contains(reason)
            }
            return false
        }
    }

    private func works() throws { try agent.wait("keys to be used again") { (try? sign()) != nil } }

    private func errors(about text: String) -> Int {
        agent.log.split(separator: "\n").count { $0.contains("error") && $0.contains(text) }
    }

    private func dtactl(_ arguments: String...) throws -> (status: Int32, text: String) {
        let ended = try agent.dtactl(arguments)
        return (ended.status, ended.text + ended.errors)
    }

    @Test(
        "an agent whose state was tampered with stops the use of keys while a file of its log is not what it wrote, says so in the journal once, and goes on",
        arguments: [Tampering.moved, .replaced, .linked, .directoryMoved])
    func running(_ tampering: Tampering) throws {
        try tampering.apply(to: log, spare: spare)
        try isRefused("audit-000000000001.jsonl")
        let verified = try dtactl("audit", "verify")
        #expect(verified.status == 1 && verified.text.contains("first problem"), "\(verified.text)")
        #expect(try dtactl("status").text.contains("unavailable"))
        #expect(errors(about: "audit-000000000001.jsonl") == 1, "\(agent.log)")
        try tampering.mend(log, spare: spare)
        try works()
        #expect(try dtactl("audit", "verify").status == 0)
        #expect(agent.stop() == 0)
        try agent.start()
        #expect(try dtactl("audit", "verify").status == 0)
        _ = try sign()
    }

    @Test(
        "an agent whose state was tampered with notices at its start what was done to its log, and goes on when an administrator accepts the loss",
        arguments: [Tampering.removed, .cut, .replaced, .extended])
    func stopped(_ tampering: Tampering) throws {
        #expect(agent.stop() == 0)
        try tampering.apply(to: log, spare: spare)
        try agent.start()
        try isRefused("audit-000000000001.jsonl")
        #expect(errors(about: "audit-000000000001.jsonl") == 1, "\(agent.log)")
        #expect(try dtactl("audit", "verify").status == 1)
        #expect(try dtactl("audit", "accept").text.contains("accepted: audit-000000000001.jsonl"))
        _ = try sign()
        let lines = try client.call(.list(.auditList, count: 1000)).lines
        #expect(lines.contains { $0.contains("\"event\":\"not as written: audit-000000000001.jsonl") })
        #expect(lines.contains { $0.contains("\"op\":\"audit.accept\"") })
        #expect(!FileManager.default.fileExists(atPath: log) || tampering != .removed, "no log begins at 1 again")
        #expect(agent.stop() == 0)
        try agent.start()
        _ = try sign()
        #expect(try dtactl("audit", "verify").status == 1)
        let files = try FileManager.default.contentsOfDirectory(atPath: agent.state + "/audit").sorted()
        let offline = try run(
            try Binary.path("dtactl"), ["audit", "verify"] + files.map { "\(agent.state)/audit/\($0)" })
        #expect(offline.status == 1, "\(offline.text)")
    }

    @Test("an agent whose state was tampered with lets only administrators decide about its log")
    func administrators() throws {
        guard OtherUser.arePossible else { return print("SKIPPED: it needs root") }
        for operation in ["audit_archive", "audit_accept"] {
            #expect(
                try OtherUser.wwwData.run("agent.call('\(operation)')", on: agent).hasPrefix("PERMISSION_DENIED"))
        }
    }

    @Test(
        "an agent whose state was tampered with notices each way in which logrotate takes its newest file, and goes on when that is undone",
        arguments: ["create 0600", "nocreate", "copytruncate", "nocreate\n compress"])
    func logrotate(options: String) throws {
        guard FileManager.default.fileExists(atPath: "/usr/sbin/logrotate") else {
            return print("SKIPPED: logrotate is not installed")
        }
        try rotate(log, options)
        try isRefused("audit-000000000001.jsonl")
        #expect(try dtactl("audit", "verify").status == 1)
        let rotated = log + ".1"
        switch options {
        case "create 0600", "nocreate": #expect(rename(rotated, log) == 0)
        case "copytruncate":
            // What dtad wrote between the copy and its next look stands in the file itself.
            let all = try Data(contentsOf: URL(fileURLWithPath: rotated)) + Data(contentsOf: URL(fileURLWithPath: log))
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: log))
            try file.write(contentsOf: all)
            try file.close()
        default:
            // What dtad wrote after it was compressed went with the file that was removed.
            #expect(FileManager.default.fileExists(atPath: rotated + ".gz"))
            #expect(try dtactl("audit", "accept").status == 0)
        }
        try works()
        #expect(try dtactl("audit", "verify").status == (options.contains("compress") ? 1 : 0))
    }

    private func rotate(_ files: String, _ options: String) throws {
        let configuration = "\(files) {\n rotate 3\n missingok\n \(options)\n}\n"
        let made = try run(
            "/usr/sbin/logrotate",
            [
                "--force", "--state", agent.directory.file("rotated"),
                try agent.directory.write("rotate.conf", configuration),
            ])
        guard made.status == 0 else { throw TestFailure("logrotate: \(made.errors)") }
    }

    @Test("an agent whose state was tampered with lets archived files go, by logrotate too, without a word")
    func archive() throws {
        let archived = try dtactl("audit", "archive")
        #expect(archived.status == 0 && archived.text == log + "\n", "\(archived.text)")
        let target = agent.directory.file("archive")
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
        #expect(try run("mv", ["-t", target, log]).status == 0)
        let known = agent.log.count
        // The next looks at the files see that it is gone.
        let began =
            try client.call(.status()).fields.first { $0.name == "uptime_seconds" }.flatMap { Int($0.value) } ?? 0
        try agent.wait("the next two looks") {
            let now = try client.call(.status()).fields.first { $0.name == "uptime_seconds" }.flatMap { Int($0.value) }
            return now ?? 0 > began + 3
        }
        _ = try sign()
        #expect(agent.log.dropFirst(known).contains("error") == false)
        #expect(try dtactl("audit", "verify").status == 0)
        #expect(agent.stop() == 0)
        try agent.start()
        #expect(try dtactl("audit", "verify").status == 0)
        let later = try run(
            try Binary.path("dtactl"),
            ["audit", "verify", "\(target)/audit-000000000001.jsonl"]
                + FileManager.default.contentsOfDirectory(atPath: agent.state + "/audit").sorted()
                .map { "\(agent.state)/audit/\($0)" })
        #expect(later.status == 0, "the archive and what is here are one log: \(later.text)")
    }

    @Test(
        "an agent whose state was tampered with leaves all of its database in one file when it ends, which a copy needs"
    )
    func oneFile() throws {
        #expect(agent.stop() == 0)
        #expect((try? Data(contentsOf: URL(fileURLWithPath: agent.state + "/state.sqlite-wal")).count) ?? 0 == 0)
        for name in ["-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: agent.state + "/state.sqlite" + name)
        }
        try agent.start()
        _ = try sign()
    }

    @Test(
        "an agent whose state was tampered with never begins with an empty database beside its log or its keys",
        arguments: [false, true])
    func emptyDatabase(alsoLog: Bool) throws {
        #expect(agent.stop() == 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: agent.state)
        where name.hasPrefix("state.sqlite") || alsoLog && name == "audit" {
            try FileManager.default.removeItem(atPath: "\(agent.state)/\(name)")
        }
        let ended = try run(
            try Binary.path("dtad"), ["run", "--config", agent.configuration, "--socket", agent.socketPath])
        #expect(ended.status != 0)
        let reason = alsoLog ? "keys of an agent: its state is missing" : "missing or empty"
        #expect(ended.errors.contains(reason), "\(ended.errors)")
        #expect(!ended.errors.contains("ready"))
        if alsoLog {
            try "".write(toFile: agent.state + "/begin-anew", atomically: false, encoding: .utf8)
            try agent.start()
            #expect(try client.call(.list(.keyList)).keys.isEmpty)
        }
    }

    @Test("an agent acknowledges nothing once its database was removed, and goes on when it is back")
    func removedDatabase() throws {
        #expect(rename(agent.state + "/state.sqlite", spare) == 0)
        let error = try client.refusal(.createKey("lost", type: .p256))
        #expect(error.code == .unavailable && error.message.contains("state.sqlite was removed"), "\(error)")
        try isRefused("state.sqlite was removed")
        #expect(errors(about: "state.sqlite was removed") >= 1)
        #expect(rename(spare, agent.state + "/state.sqlite") == 0)
        try works()
        _ = try client.call(.createKey("kept", type: .p256))
        #expect(agent.stop() == 0)
        try agent.start()
        #expect(try client.call(.list(.keyList)).keys.map(\.name) == ["k", "kept"])
    }

    @Test(
        "an agent whose state was tampered with does not use a database that is older than its log, and says how it can be used"
    )
    func olderDatabase() throws {
        #expect(agent.stop() == 0)
        try FileManager.default.copyItem(atPath: agent.state + "/state.sqlite", toPath: spare)
        try agent.start()
        _ = try client.call(.createKey("later", type: .p256))
        agent.crash()
        for name in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: agent.state + "/state.sqlite" + name)
        }
        try FileManager.default.copyItem(atPath: spare, toPath: agent.state + "/state.sqlite")
        let ended = try run(
            try Binary.path("dtad"), ["run", "--config", agent.configuration, "--socket", agent.socketPath])
        #expect(ended.status != 0 && ended.errors.contains("older than the audit log"), "\(ended.errors)")
        #expect(ended.errors.contains("dtad restore"))
    }

    @Test(
        "an agent whose state was tampered with says in its journal that its log cannot be written, once, and that it can be again"
    )
    func immutable() throws {
        guard try run("chattr", ["+i", log]).status == 0 else {
            return print("SKIPPED: no file can be made immutable here")
        }
        defer { _ = try? run("chattr", ["-i", log]) }
        try isRefused("cannot be written")
        try agent.wait("the journal") { errors(about: "cannot be written") > 0 }
        _ = try? sign()
        #expect(errors(about: "cannot be written") == 1, "\(agent.log)")
        _ = try run("chattr", ["-i", log])
        try works()
        try agent.wait("the journal") { agent.log.contains("can be written again") }
        #expect(try dtactl("audit", "verify").status == 0)
    }
}
