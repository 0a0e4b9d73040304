import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAIdentities

@Suite struct AuditTests {
    let directory: TemporaryDirectory
    var path: String { directory.path }

    init() throws { directory = try TemporaryDirectory() }

    func log(_ limit: Int = 64 << 20) throws -> AuditLog { try AuditLog(directory: path, segmentLimit: limit) }

    func record(_ caller: Caller = alice, _ subject: String = "release") -> AuditRecord {
        AuditRecord(caller: caller, operation: "sign", subject: subject, result: "OK", microseconds: 120)
    }

    func fill(_ log: AuditLog, _ count: Int, _ caller: Caller = alice) throws {
        for number in 0..<count { try log.append(record(caller, "key\(number)")) }
    }

    func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(path)/audit").sorted().map { "\(path)/audit/\($0)" }
    }

    func bytes(_ file: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: file))) }

    func lines() throws -> [[UInt8]] {
        try files().flatMap { try bytes($0).split(separator: 10).map(Array.init) }
    }

    func findings(_ key: @escaping (String) -> SigningKey? = { _ in nil }) throws -> AuditVerifier.Findings {
        var verifier = AuditVerifier(key: key)
        for file in try files() {
            verifier.begin(file: file)
            let content = try bytes(file)
            let parts = content.split(separator: 10, omittingEmptySubsequences: false)
            for line in parts.dropLast() { verifier.read(Array(line)) }
            if let rest = parts.last, !rest.isEmpty { verifier.read(Array(rest), isComplete: false) }
        }
        return verifier.findings
    }

    // MARK: Records

    @Test("each record is a line of JSON with all its fields, whatever a client wrote")
    func hostileText() throws {
        let log = try log()
        let hostile = "a\"b\\c\n\r\t\u{0}\u{1f}\u{7f}\u{85}\u{202e}\u{2028}é🔑</script>"
        var caller = user("al\"ice", 1000)
        caller.executable = "/opt/\u{1b}[31mred"
        caller.unit = "app.service"
        try log.append(record(caller, hostile))
        let line = try #require(try lines().first)
        let object = try #require(JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        #expect(object["subject"] as? String == hostile)
        #expect(object["user"] as? String == "al\"ice")
        #expect(object["exe"] as? String == "/opt/\u{1b}[31mred")
        #expect(object["unit"] as? String == "app.service")
        #expect(object["op"] as? String == "sign" && object["result"] as? String == "OK")
        #expect(object["n"] as? Int == 1 && object["uid"] as? Int == 1000 && object["pid"] as? Int == 100)
        #expect(object["us"] as? Int == 120)
        #expect(object["prev"] as? String == AuditLine.origin)
        #expect(line.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
    }

    @Test(
        "a detail of an audit record is written behind the subject, bounded and plain; records without one are as before, and both verify"
    )
    func details() throws {
        let log = try log()
        try log.append(record())
        var detail = AuditDetail()
        detail.add("allow_untrusted")
        detail.add("asked_as", "x\" allow_untrusted=\u{1b}[31m\n" + String(repeating: "y", count: 10_000))
        detail.add("as", "bafyexample")
        try log.append(
            AuditRecord(
                caller: alice, operation: "envelope.open", subject: "bafy", detail: detail, result: "OK",
                microseconds: 1))
        try log.append(record())
        let lines = try lines().map { String(decoding: $0, as: UTF8.self) }
        let object = try #require(JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: Any])
        let text = try #require(object["detail"] as? String)
        let words = text.split(separator: " ")
        #expect(words.count == 3 && words[0] == "allow_untrusted" && words[2] == "as=bafyexample")
        #expect(words[1].hasPrefix("asked_as=x??allow_untrusted???31m?yyy") && text.utf8.count < 256)
        #expect(lines[1].contains(#","subject":"bafy","detail":""#) && lines[1].contains(#"","result":"OK","#))
        #expect(!lines[0].contains("detail") && !lines[2].contains("detail"))
        let findings = try findings()
        #expect(findings.isSound && findings.records == 3)
    }

    @Test("a subject of 10 kB is cut in the audit log")
    func longText() throws {
        let log = try log()
        try log.append(record(alice, String(repeating: "é", count: 10_000)))
        let line = try #require(try lines().first)
        let object = try #require(JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        #expect(object["subject"] as? String == String(repeating: "é", count: 48) + "…")
        try log.append(record(alice, String(repeating: "n", count: 10_000)))
        let second = try #require(JSONSerialization.jsonObject(with: Data(try lines()[1])) as? [String: Any])
        #expect(second["subject"] as? String == String(repeating: "n", count: 256) + "…")
    }

    @Test(
        "times in the audit log are written in RFC 3339, to the microsecond",
        arguments: [0, 951_827_696_000_001, 4_102_444_799_999_999])
    func times(_ microseconds: Int64) throws {
        var writer = AuditWriter()
        writer.begin(number: 1, microseconds: microseconds)
        let formatter = ISO8601DateFormatter()
        let seconds = formatter.string(from: Date(timeIntervalSince1970: Double(microseconds / 1_000_000))).dropLast()
        let fraction = String(format: "%06d", microseconds % 1_000_000)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"n":1,"time":"\#(seconds).\#(fraction)Z""#)
    }

    @Test("every day from 1970 to 2200 has its date")
    func dates() {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0)!
        for day in stride(from: 0, to: 84_006, by: 1) {
            let parts = calendar.dateComponents(
                [.year, .month, .day], from: Date(timeIntervalSince1970: Double(day) * 86_400))
            let date = CivilDate(daysSince1970: Int64(day))
            guard date.year == Int64(parts.year!), date.month == Int64(parts.month!), date.day == Int64(parts.day!)
            else {
                Issue.record("day \(day) is \(parts), not \(date)")
                return
            }
        }
    }

    // MARK: The chain

    @Test("many threads write one sound chain of audit records")
    func threads() async throws {
        let log = try log(64 << 10)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in [alice, bob, carol, root] {
                group.addTask {
                    for number in 0..<500 {
                        try log.append(record(caller, "\(number)"))
                        if number % 50 == 0 { try log.sync() }
                    }
                }
            }
            try await group.waitForAll()
        }
        let findings = try findings()
        #expect(findings.isSound && findings.records == 2000 && findings.last == 2000)
        #expect(try files().count > 1)
        #expect(try log.verify { _ in nil }.records == 2000)
    }

    @Test("whatever byte of the audit log is changed, the verification finds the line")
    func tampering() throws {
        let log = try log()
        try fill(log, 5)
        let file = try files()[0]
        let original = try bytes(file)
        // The last line has no line after it that names its hash: a checkpoint or a copy elsewhere has to.
        let last = original.dropLast().lastIndex(of: 10)!
        for at in 0...last {
            for change in [UInt8(1), 0x20, 0x80] {
                var changed = original
                changed[at] ^= change
                try directory.write("audit/" + file.split(separator: "/").last!, changed)
                let findings = try findings()
                #expect(!findings.isSound, "byte \(at) changed by \(change)")
            }
        }
    }

    @Test("a line of the audit log that is taken out, doubled, swapped or cut short is found")
    func rearranging() throws {
        let log = try log()
        try fill(log, 5)
        let file = "audit/" + (try files()[0].split(separator: "/").last!)
        let lines = try lines()
        func sound(_ lines: [[UInt8]]) throws -> Bool {
            try directory.write(file, Array(lines.map { $0 + [10] }.joined()))
            return try findings().isSound
        }
        #expect(try sound(lines))
        #expect(try !sound([lines[0], lines[2], lines[3], lines[4]]))
        #expect(try !sound([lines[0], lines[1], lines[1], lines[2]]))
        #expect(try !sound([lines[1], lines[0], lines[2]]))
        try directory.write(file, Array(lines.map { $0 + [10] }.joined().dropLast(3)))
        #expect(try !findings().isSound)
    }

    @Test("a log whose older files are elsewhere verifies from its first record on")
    func retention() throws {
        let log = try log(2000)
        try fill(log, 30)
        try FileManager.default.removeItem(atPath: try files()[0])
        let findings = try findings()
        #expect(findings.isSound)
        #expect(findings.first! > 1 && findings.last == 30)
    }

    // MARK: Starting again

    @Test("after a restart the chain of audit records goes on, over files too", arguments: [64 << 20, 1500])
    func restart(_ limit: Int) throws {
        for _ in 0..<5 { try fill(try log(limit), 7) }
        let findings = try findings()
        #expect(findings.isSound && findings.records == 35)
        #expect(findings.lastHash == AuditLine.hash(of: try lines().last!))
    }

    @Test(
        "the rest of a last audit record that a crash left is cut off, and a record says so", arguments: [1, 20, 150])
    func torn(_ left: Int) throws {
        try fill(try log(), 3)
        let file = try files()[0]
        let whole = try bytes(file)
        let last = whole.dropLast().lastIndex(of: 10)! + 1
        try directory.write("audit/" + file.split(separator: "/").last!, Array(whole[..<(last + left)]))
        let log = try log()
        try fill(log, 1)
        let lines = try lines()
        #expect(lines.count == 4)
        #expect(String(decoding: lines[2], as: UTF8.self).contains("\(left) bytes of a record that was not finished"))
        #expect(try findings().isSound)
    }

    @Test("lines at the end of an audit log that are no records stay as evidence, and the log goes on behind them")
    func garbage() throws {
        try fill(try log(), 3)
        let file = try files()[0]
        try directory.write("audit/" + file.split(separator: "/").last!, try bytes(file) + Array("garbage\n".utf8))
        let log = try log()
        log.inspect()
        try fill(log, 2)
        let lines = try lines()
        #expect(lines[3] == Array("garbage".utf8) && lines.count == 7)
        let findings = try findings()
        #expect(!findings.isSound && findings.firstProblem!.contains("line 4"))
        #expect(log.faults.count == 1 && log.faults[0].contains("1 lines at its end are no records"))
    }

    @Test(
        "a record whose number is higher than any log gets is no record",
        arguments: ["9223372036854775808", "18446744073709551615", "18446744073709551616"])
    func highestNumber(_ number: String) throws {
        try fill(try log(), 3)
        let file = try files()[0]
        let forged = String(decoding: try lines()[2], as: UTF8.self)
            .replacingOccurrences(of: #"{"n":3,"#, with: #"{"n":\#(number),"#)
        try directory.write("audit/" + file.split(separator: "/").last!, try bytes(file) + Array((forged + "\n").utf8))
        try directory.write("audit/audit-\(number).jsonl", Array((forged + "\n").utf8))
        let log = try log()
        log.inspect()
        try fill(log, 2)
        #expect(try !findings().isSound)
        #expect(AuditLine(Array(forged.utf8)) == nil)
        #expect(log.faults.contains { $0.contains("1 lines at its end are no records") })
    }

    // MARK: A full disk

    @Test("while the disk of the audit log is full key use stops, and nothing half is left; it goes on by itself")
    func fullDisk() throws {
        guard let small = try SmallDisk(kilobytes: 64, at: directory.file("small")) else { return }
        let log = try AuditLog(directory: small.path)
        var written = 0
        let error = try refusal {
            while true {
                try log.append(record(alice, String(repeating: "x", count: 200)))
                written += 1
            }
        }
        #expect(error.code == .unavailable)
        #expect(error.message.hasPrefix("the audit log cannot be written: "))
        #expect(error.message.hasSuffix("; key use stops until it can"))
        let file = "\(small.path)/audit/audit-000000000001.jsonl"
        #expect(try bytes(file).split(separator: 10).count == written && bytes(file).last == 10)
        try small.resize(kilobytes: 1024)
        try log.append(record())
        // The record, and one that says that there was no room.
        #expect(try log.verify { _ in nil }.records == UInt64(written + 2))
        #expect(try log.verify { _ in nil }.isSound)
    }

    // MARK: Reading

    @Test(
        "a query of the audit log answers the last records without a cursor, and with one what followed",
        arguments: [64 << 20, 3000])
    func listing(_ limit: Int) throws {
        let log = try log(limit)
        try fill(log, 1500)
        let last = try log.list(root, count: 10, cursor: "")
        #expect(last.items.map(number) == Array(1491...1500) && last.cursor == "1500")
        #expect(try log.list(root, count: 10, cursor: last.cursor).items.isEmpty)
        try fill(log, 3)
        let following = try log.list(root, count: 2, cursor: last.cursor)
        #expect(following.items.map(number) == [1501, 1502])
        #expect(try log.list(root, count: 2, cursor: following.cursor).items.map(number) == [1503])
        for start in [0, 1, 7, 700, 1400] {
            #expect(
                try log.list(root, count: 50, cursor: "\(start)").items.map(number)
                    == (1...50).map { UInt64(start + $0) })
        }
        #expect(code { _ = try log.list(root, count: 10, cursor: "x") } == .invalidArgument)
        #expect(code { _ = try log.list(root, count: 1001, cursor: "") } == .invalidArgument)
    }

    func number(_ line: String) -> UInt64 { AuditLine.number(of: Array(line.utf8))! }

    @Test("users read their own records alone, whatever others write into theirs")
    func ownRecords() throws {
        let log = try log()
        try fill(log, 3, alice)
        try log.append(record(bob, #"","uid":1000,"user":"alice","#))
        try log.append(record(user("mallory", 1000), "x"))
        try log.append(record(user("alice", 1001), "x"))
        #expect(try log.list(alice, count: 0, cursor: "").items.map(number) == [1, 2, 3])
        #expect(try log.list(alice, count: 0, cursor: "1").items.map(number) == [2, 3])
        #expect(try log.list(bob, count: 0, cursor: "").items.map(number) == [4])
        #expect(try log.list(carol, count: 0, cursor: "").items.isEmpty)
        #expect(try log.list(root, count: 0, cursor: "").items.count == 6)
    }

    @Test("following the audit log does not stand still where all that followed is others'")
    func following() throws {
        let log = try log()
        try fill(log, 5, bob)
        let page = try log.list(alice, count: 0, cursor: "2")
        #expect(page.items.isEmpty && page.cursor == "5")
    }

    // MARK: Checkpoints

    @Test("a checkpoint is due every 1,000 records, and its signature is checked")
    func checkpoints() throws {
        let host = try Host()
        let log = host.core.audit
        for _ in 0..<999 { try log.append(record()) }
        #expect(!log.checkpointIsDue)
        try log.append(record())
        #expect(log.checkpointIsDue)
        try host.core.makeCheckpointIfDue(host.custodian)
        #expect(!log.checkpointIsDue)
        let findings = try host.core.verifyAudit(root)
        #expect(findings.isSound && findings.checkpoints == 1 && findings.uncheckedCheckpoints == 0)
        #expect(findings.records == 1001 && findings.lastCheckpointed == 1000)
        #expect(code { _ = try host.core.verifyAudit(alice) } == .permissionDenied)
    }

    @Test("a chain that is rewritten as a whole is found by the checkpoint's signature")
    func rewriting() throws {
        let host = try Host()
        try fill(host.core.audit, 3)
        let signer = try #require(host.core.identities.signer)
        try host.core.audit.makeCheckpoint(signer, host.custodian)
        let identity = try host.core.identities.show("agent").document.identity
        let file = "\(host.path)/audit/audit-000000000001.jsonl"
        let original = String(decoding: try bytes(file), as: UTF8.self)

        // Somebody who can write the file forges record 2 and makes all hashes fit again.
        var forged: [String] = []
        var previous = AuditLine.origin
        for line in original.split(separator: "\n") {
            var line = line.replacingOccurrences(of: "key1", with: "keyX")
            line = line.dropLast(66) + previous + "\"}"
            if line.contains("\"checkpoint\"") {
                let old = AuditLine(Array(line.utf8))!.checkpoint!
                line = line.replacingOccurrences(of: old.hash, with: previous)
            }
            forged.append(line)
            previous = AuditLine.hash(of: Array(line.utf8))
        }
        func verify(_ lines: [String]) -> AuditVerifier.Findings {
            var verifier = AuditVerifier { $0 == signer.identity.description ? identity.signing : nil }
            for line in lines { verifier.read(Array(line.utf8)) }
            return verifier.findings
        }
        #expect(verify(original.split(separator: "\n").map(String.init)).checkpoints == 1)
        let findings = verify(forged)
        #expect(findings.problems == 1 && findings.firstProblem!.contains("signature"))
    }

    @Test("text in an audit record that looks like a checkpoint is none")
    func fakeCheckpoint() throws {
        let log = try log()
        try log.append(record(alice, #"","checkpoint":{"n":1,"hash":"a","identity":"b","signature":"c"},"prev":""#))
        try log.append(event: #"","checkpoint":{"n":1,"hash":"a","identity":"b","signature":"c"},"prev":""#)
        for line in try lines() { #expect(AuditLine(line)?.checkpoint == nil) }
        #expect(try findings().isSound)
    }

    @Test("after a restart the distance to the audit log's last checkpoint is still known")
    func checkpointAfterRestart() throws {
        let host = try Host()
        try fill(host.core.audit, 1000)
        try host.core.makeCheckpointIfDue(host.custodian)
        try fill(host.core.audit, 999)
        let again = try AuditLog(directory: host.path)
        #expect(!again.checkpointIsDue)
        try again.append(record())
        #expect(again.checkpointIsDue)
    }
}
