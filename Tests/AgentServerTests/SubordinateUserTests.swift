import Foundation
import TestSupport
import Testing

@testable import DTASystem

@Suite("Subordinate uids", .ownThread)
struct SubordinateUserTests {
    private func users(_ directory: TemporaryDirectory, _ text: String) throws -> (SubordinateUsers, [String]) {
        let path = try directory.write("subuid", text)
        let users = SubordinateUsers(path: path) { ["alice": 1000, "bob": 1001, "root": 0][$0] }
        return (users, users.refresh() ?? [])
    }

    @Test(
        "subordinate uids count with the user that /etc/subuid gives them to, by name or number, and other uids with themselves"
    )
    func ranges() throws {
        let directory = try TemporaryDirectory()
        let (users, complaints) = try users(
            directory, "# users\nalice:100000:65536\n\n1001:165536:65536\nalice:300000:1\nnobody-here:400000:65536\n")
        #expect(complaints.isEmpty)
        #expect(users.payer(of: 100_000) == 1000 && users.payer(of: 165_535) == 1000)
        #expect(users.payer(of: 165_536) == 1001 && users.payer(of: 231_071) == 1001)
        #expect(users.payer(of: 231_072) == 231_072 && users.payer(of: 99_999) == 99_999)
        #expect(users.payer(of: 300_000) == 1000 && users.payer(of: 300_001) == 300_001)
        #expect(users.payer(of: 400_000) == 400_000)
        #expect(users.payer(of: 0) == 0 && users.payer(of: 1000) == 1000)
    }

    @Test("subordinate uids that root gives to containers are not root, and take nothing of what is kept for root")
    func containers() throws {
        let directory = try TemporaryDirectory()
        let (users, complaints) = try users(directory, "root:1000000:1000000000\n0:100000:10\nalice:100005:10\n")
        #expect(complaints.isEmpty)
        #expect(users.payer(of: 1_000_000) == 1_000_000 && users.payer(of: 1_000_001) == 1_000_001)
        #expect(users.payer(of: 100_000) == 100_000 && users.payer(of: 100_005) == 1000)
    }

    @Test("subordinate uids of ranges that overlap count with the first line's user")
    func overlaps() throws {
        let directory = try TemporaryDirectory()
        let (users, _) = try users(directory, "alice:200000:100\nbob:199950:200\nalice:200120:1000\n")
        #expect(users.payer(of: 199_950) == 1001 && users.payer(of: 199_999) == 1001)
        #expect(users.payer(of: 200_000) == 1000 && users.payer(of: 200_099) == 1000)
        #expect(users.payer(of: 200_100) == 1001 && users.payer(of: 200_149) == 1001)
        #expect(users.payer(of: 200_150) == 1000)
    }

    @Test("subordinate uids of a user that is subordinate itself count with its user, and a circle has an end")
    func chains() throws {
        let directory = try TemporaryDirectory()
        let (users, _) = try users(directory, "alice:100000:1000\n100005:500:10\n700:800:1\n800:700:1\n")
        #expect(users.payer(of: 505) == 1000)
        #expect([700, 800].contains(users.payer(of: 700)))
    }

    @Test(
        "subordinate uids in a line that is none are passed over, with a complaint",
        arguments: [
            "alice", "alice:1", "alice:1:2:3", ":1:2", "alice:-5:10", "alice:+5:10", "alice:5:0", "alice:0:10",
            "alice: 5:10", "alice:0x10:10", "alice:4294967290:10", "alice:99999999999:1", "alice:5:4294967295",
        ])
    func nonsense(line: String) throws {
        let directory = try TemporaryDirectory()
        let (users, complaints) = try users(directory, line + "\nbob:100000:10\n")
        #expect(complaints == ["line 1 is no range of uids"])
        #expect(users.payer(of: 5) == 5 && users.payer(of: 100_000) == 1001)
    }

    @Test("subordinate uids are read again when the file changes, and are nobody's when it is gone")
    func changes() throws {
        let directory = try TemporaryDirectory()
        let (users, _) = try users(directory, "alice:100000:10\n")
        #expect(users.refresh() == nil)
        try directory.write("subuid", "bob:100000:1000\n")
        #expect(users.refresh() == [])
        #expect(users.payer(of: 100_000) == 1001)
        try directory.write("subuid", String(repeating: "alice:100000:10\n", count: 5000))
        #expect(users.refresh()?.count == 1)
        #expect(users.payer(of: 100_000) == 1000)
        try FileManager.default.removeItem(atPath: directory.file("subuid"))
        #expect(users.refresh() == [])
        #expect(users.payer(of: 100_000) == 100_000)
    }
}
