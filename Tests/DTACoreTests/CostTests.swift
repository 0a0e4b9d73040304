import Foundation
import Testing

@testable import DTAAgent
@testable import DTACore

/// What the hot path costs, to be read, not judged: `DTA_COSTS=1 swift test -c release --filter Costs`.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["DTA_COSTS"] != nil), .serialized) struct Costs {
    private func measure(_ what: String, _ count: Int = 200_000, _ body: () throws -> Void) rethrows {
        let start = ContinuousClock.now
        for _ in 0..<count { try body() }
        let elapsed = ContinuousClock.now - start
        print("\(what): \(elapsed / count)")
    }

    @Test("the cost of a signature's first phase is the same whatever the number of keys", arguments: [1, 10_000])
    func signing(_ keys: Int) throws {
        let host = try Host { $0.keysPerUser = keys + 1 }
        for number in 0..<keys { try host.key("key-\(number)", .hmacSHA256) }
        try host.key("release")
        let digest = [UInt8](repeating: 7, count: 32)
        try measure("sign a digest, \(keys) keys") {
            _ = try host.core.keys.sign(alice, name: "release", data: digest, prehashed: true)
        }
        try measure("sign a message of 32 bytes, \(keys) keys") {
            _ = try host.core.keys.sign(alice, name: "release", data: digest)
        }
    }

    @Test("an audit record costs what is printed")
    func auditing() throws {
        let host = try Host()
        var caller = alice
        caller.executable = "/usr/bin/python3.11"
        caller.unit = "app.service"
        let record = AuditRecord(caller: caller, operation: "sign", subject: "release", result: "OK", microseconds: 111)
        try measure("append") { try host.core.audit.append(record) }
    }
}
