import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore

@Suite("Refusals in the audit log")
struct RefusalThrottleTests {
    func refusal(
        _ caller: Caller = alice, _ subject: String = "release", operation: String = "sign",
        result: String = "PERMISSION_DENIED"
    ) -> AuditRecord {
        AuditRecord(caller: caller, operation: operation, subject: subject, result: result, microseconds: 120)
    }

    func lines(_ host: Host) throws -> [[String: Any]] {
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(host.path)/audit").sorted()
        return try files.flatMap { file in
            try Data(contentsOf: URL(fileURLWithPath: "\(host.path)/audit/\(file)")).split(separator: 10).map {
                try #require(JSONSerialization.jsonObject(with: Data($0)) as? [String: Any])
            }
        }
    }

    func counts(_ lines: [[String: Any]]) -> [Int] { lines.map { $0["count"] as? Int ?? 1 } }

    @Test(
        "the first of equal refusals is written at once, and the others become one record with their number each second"
    )
    func equal() throws {
        let host = try Host()
        for _ in 0..<100 { try host.core.record(refusal(), durable: true) }
        try host.core.record(refusal(alice, "other"), durable: true)
        try host.core.record(refusal(bob), durable: true)
        #expect(try counts(lines(host)) == [1, 1, 1])
        try host.core.recordCounted()
        #expect(try counts(lines(host)) == [1, 1, 1, 99])
        // They go on: none is written at once while they do.
        for _ in 0..<10 { try host.core.record(refusal(), durable: true) }
        #expect(try lines(host).count == 4)
        try host.core.recordCounted()
        let last = try #require(try lines(host).last)
        #expect(last["count"] as? Int == 10 && last["subject"] as? String == "release")
        #expect(last["op"] as? String == "sign" && last["result"] as? String == "PERMISSION_DENIED")
        #expect(last["user"] as? String == "alice" && last["uid"] as? Int == 1000)
        // After a second without any, the next one is the first again.
        try host.core.recordCounted()
        try host.core.recordCounted()
        try host.core.record(refusal(), durable: true)
        try host.core.recordCounted()
        #expect(try counts(lines(host)) == [1, 1, 1, 99, 10, 1])
        let findings = try host.core.audit.verify { _ in nil }
        #expect(findings.isSound && findings.records == 6)
    }

    @Test("a request that is done has a record each time, however often it is done")
    func allowed() throws {
        let host = try Host()
        for _ in 0..<300 { try host.core.record(refusal(result: "OK"), durable: false) }
        #expect(try counts(lines(host)) == Array(repeating: 1, count: 300))
        try host.core.recordCounted()
        #expect(try lines(host).count == 300)
    }

    @Test(
        "different refusals of one user are written up to its share of bytes; those beyond are counted, and none is lost"
    )
    func different() throws {
        let host = try Host()
        let subject = String(repeating: "\u{1}", count: 256)
        for number in 0..<5000 { try host.core.record(refusal(alice, "\(number)\(subject)"), durable: false) }
        // The first of another user is written all the same.
        try host.core.record(refusal(bob), durable: false)
        let written = try lines(host)
        #expect(written.count < 1000 && written.last?["user"] as? String == "bob")
        #expect(try size(host) <= RefusalThrottle.bytesPerUser + 1024)
        let other = refusal(alice, "x\(subject)", operation: "key.show", result: "NOT_FOUND")
        for _ in 0..<7 { try host.core.record(other, durable: false) }
        try host.core.recordCounted()
        let all = try lines(host)
        #expect(counts(all).reduce(0, +) == 5008)
        let rest = try #require(all.last { $0["count"] != nil })
        #expect(rest["op"] as? String == RefusalThrottle.various)
        #expect(rest["result"] as? String == RefusalThrottle.refused)
        #expect(rest["subject"] as? String == "" && rest["user"] as? String == "alice")
        #expect(try host.core.audit.verify { _ in nil }.isSound)
    }

    @Test("refusals of 64 users who vary what they ask grow the log by less than a MiB a second, and none is lost")
    func manyUsers() throws {
        let host = try Host()
        let users = (0..<64).map { user("", 70_000 + UInt32($0)) }
        var sent = 0
        var before = 0
        for second in 0..<4 {
            for number in 0..<400 {
                for caller in users {
                    let subject = "\(second)-\(number % 200)" + String(repeating: "\u{7f}", count: 300)
                    try host.core.record(refusal(caller, subject, result: "NOT_FOUND"), durable: false)
                    sent += 1
                }
            }
            try host.core.recordCounted()
            let now = try size(host)
            #expect(now - before <= 1 << 20, "second \(second)")
            before = now
        }
        #expect(try counts(lines(host)).reduce(0, +) == sent)
        #expect(try Set(lines(host).map { $0["uid"] as? Int ?? 0 }).count == 64)
    }

    @Test("uids that are one user's share one user's bytes")
    func subordinates() throws {
        let throttle = RefusalThrottle { (100_000..<200_000).contains($0) ? 1000 : $0 }
        var written = 0
        for number in 0..<20_000 {
            let record = refusal(user("", 100_000 + UInt32(number)), String(repeating: "x", count: 200))
            if throttle.admits(record) { written += 1 }
        }
        var writer = AuditWriter()
        let size = writer.size(of: refusal(user("", 100_000), String(repeating: "x", count: 200)))
        #expect(written <= RefusalThrottle.bytesPerUser / size + 1)
        #expect(throttle.takeCounted().reduce(0) { $0 + Int($1.count) } == 20_000 - written)
    }

    @Test("refusals that were counted while the disk was full are written when there is room again")
    func fullDisk() throws {
        let directory = try TemporaryDirectory()
        guard let small = try SmallDisk(kilobytes: 8192, at: directory.file("small")) else { return }
        let host = try Host(small.path)
        for _ in 0..<10 { try host.core.record(refusal(), durable: false) }
        // Without a byte left.
        let filler = "\(small.path)/filler"
        #expect(FileManager.default.createFile(atPath: filler, contents: nil))
        let file = try #require(FileHandle(forWritingAtPath: filler))
        for size in [64 << 10, 4096, 512, 1] { while (try? file.write(contentsOf: Data(count: size))) != nil {} }
        var stopped = false
        while !stopped { stopped = code { try host.core.record(refusal(result: "OK"), durable: false) } != nil }
        #expect(code { try host.core.recordCounted() } == .unavailable)
        try FileManager.default.removeItem(atPath: filler)
        try file.close()
        try host.core.recordCounted()
        // The log's own line about the full disk has no result.
        let refused = try lines(host).filter { $0["result"].map { $0 as? String != "OK" } ?? false }
        #expect(counts(refused).reduce(0, +) == 10)
    }

    private func size(_ host: Host) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "\(host.path)/audit").reduce(0) { sum, file in
            sum + (try Data(contentsOf: URL(fileURLWithPath: "\(host.path)/audit/\(file)")).count)
        }
    }

    @Test(
        "the record of refusals stays small, whatever a client or a user's program is called",
        arguments: ["\u{1}", "\"", "\\", "\u{202e}", "é", "🔑", "\u{ffff}"])
    func odd(_ character: String) throws {
        let text = String(repeating: character, count: 100_000)
        var caller = user(text, 1000)
        caller.unit = text
        var writer = AuditWriter()
        #expect(writer.size(of: refusal(caller, text)) <= 3 * 100 + 300)
        caller.executable = "/" + text
        #expect(writer.size(of: refusal(caller, text)) <= 3 * 100 + 260 + 310)
        // A plain name before it stays whole.
        #expect(writer.size(of: refusal(alice, String(repeating: "n", count: 250) + text)) <= 250 + 300)
    }
}
