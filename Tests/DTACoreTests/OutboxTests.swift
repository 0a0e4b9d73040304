import DTAFormats
import DTASystem
import Foundation
import GRDB
import TestSupport
import Testing

@testable import DTACore
@testable import DTALedger

@Suite struct OutboxTests {
    let directory: TemporaryDirectory
    let store: Store
    let outbox: Outbox

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store(directory: directory.path)
        outbox = Outbox(store: store)
    }

    private func blocks(limit: Int) throws -> BlockStore {
        BlockStore(
            store: store, segments: try SegmentDirectory(state: directory.path), limit: limit, outbox: outbox
        ) { _, _ in }
    }

    private func cid(_ number: Int) -> CID { CID(hashing: Array("\(number)".utf8), codec: .raw) }

    private func add(_ number: Int, coveredBy cover: Int? = nil, _ outbox: Outbox? = nil, of uid: UInt32 = 1000) throws
    {
        let owner = Owner(uid: uid, name: "user\(uid)")
        try store.write {
            try (outbox ?? self.outbox).add(cid(number), coveredBy: cover.map(cid), owner: owner, in: $0)
        }
    }

    private func toPut() throws -> [CID] { try outbox.blocksToPut(limit: 64, horizon: 600_000).map(\.cid) }
    private func toPin() throws -> [CID] { try outbox.blocksToPin(limit: 64, horizon: 600_000).map(\.cid) }

    private func state(_ number: Int) throws -> PublicationState? { try outbox.publication(cid(number))?.state }

    @Test("blocks go out to the IPFS node in the order in which they came, and none twice")
    func order() throws {
        for number in 0..<5 { try add(number) }
        for number in 0..<5 { try add(number) }
        #expect(try toPut() == (0..<5).map(cid))
        try outbox.record([(cid(0), .became(.stored)), (cid(1), .became(.published))])
        #expect(try toPut() == (2..<5).map(cid))
        #expect(try toPin() == [cid(0)])
        #expect(try outbox.counts() == [.waiting: 3, .stored: 1, .published: 1])
    }

    @Test("users take turns in the outbox, to be given and to be pinned, however much one of them has")
    func turns() throws {
        for number in 0..<200 { try add(number, of: 1000) }
        for number in 200..<203 { try add(number, of: 1001) }
        try add(300, of: 0)
        let first = try toPut()
        #expect(first.count == 64 && Set(first.prefix(3)) == [cid(0), cid(200), cid(300)])
        #expect(first.prefix(7).filter { (200..<203).map(cid).contains($0) } == (200..<203).map(cid))
        #expect(first.filter { $0 != cid(300) && !(200..<203).map(cid).contains($0) } == (0..<60).map(cid))
        try outbox.record(((0..<203) + [300]).map { (cid($0), .became(.stored)) })
        #expect(Set(try toPin().prefix(3)) == [cid(0), cid(200), cid(300)])
    }

    @Test("if there are more users than one batch of the outbox looks at, all have their turn in the next ones")
    func manyUsers() throws {
        for user in 0..<100 { for row in 0..<8 { try add(user * 8 + row, of: UInt32(user)) } }
        var users: Set<Int> = []
        for _ in 0..<4 {
            let tasks = try toPut()
            #expect(tasks.count == 64)
            for user in 0..<100 where (0..<8).contains(where: { tasks.contains(cid(user * 8 + $0)) }) {
                users.insert(user)
            }
        }
        #expect(users.count == 100)
    }

    @Test("the outbox finds what is due by an index, in a fraction of the rows")
    func plan() throws {
        for state in ["waiting", "stored"] {
            let plan = try store.read { database in
                try Row.fetchAll(
                    database,
                    sql: """
                        EXPLAIN QUERY PLAN SELECT cid, attempts FROM publications AS root
                        WHERE state IN ('waiting', 'stored') AND owner_uid = 1 AND state = '\(state)' AND attempts = 0
                          AND due <= 1 ORDER BY due, number LIMIT 64
                        """
                ).map { $0["detail"] as String }
            }
            #expect(plan.count == 1 && plan[0].contains("publications_turns"), "\(plan)")
        }
    }

    @Test("an envelope is pinned when the node has all of its parts, and its pin publishes them")
    func parts() throws {
        for part in 1...3 { try add(part, coveredBy: 9) }
        try add(9)
        try outbox.record([(cid(9), .became(.stored)), (cid(1), .became(.stored)), (cid(2), .became(.stored))])
        #expect(try toPin().isEmpty)
        try outbox.record([(cid(3), .became(.stored))])
        #expect(try toPin() == [cid(9)])
        #expect(try Set(outbox.parts(of: cid(9))) == Set((1...3).map(cid)))
        // The node lost one before it was pinned: only that one goes again, and the pin waits for it.
        try outbox.record([(cid(2), .lost), (cid(9), .failed(reason: "not found", again: 0))])
        #expect(try toPut() == [cid(2)] && toPin().isEmpty)
        try outbox.record([(cid(2), .became(.stored))])
        #expect(try toPin() == [cid(9)])
        try outbox.record([(cid(9), .became(.published))])
        for number in [1, 2, 3, 9] { #expect(try state(number) == .published) }
    }

    @Test("a block that came from the IPFS node does not go back, until somebody here stores it")
    func fetched() throws {
        try add(1, outbox.receiving)
        #expect(try state(1) == .fetched && toPut().isEmpty)
        try add(1, outbox.receiving)
        #expect(try state(1) == .fetched)
        try add(1)
        #expect(try state(1) == .waiting && toPut() == [cid(1)])
        try add(2)
        try add(2, outbox.receiving)
        #expect(try state(2) == .waiting)
    }

    @Test(
        "a block whose publication failed waits, with its reason, behind the others; a clock that was put back holds nothing up"
    )
    func failures() throws {
        for number in 0..<3 { try add(number) }
        let now = unixMicroseconds() / 1000
        try outbox.record([
            (cid(0), .failed(reason: "no room", again: now + 100_000)), (cid(1), .failed(reason: "no room", again: 0)),
        ])
        #expect(try toPut() == [cid(2), cid(1)])
        let failed = try #require(try outbox.publication(cid(0)))
        #expect(failed.attempts == 1 && failed.error == "no room" && failed.state == .waiting)
        try outbox.record([(cid(0), .failed(reason: "no room", again: now + 86_400_000))])
        #expect(try toPut() == [cid(2), cid(0), cid(1)] || toPut() == [cid(2), cid(1), cid(0)])
        // Of pins that failed before, one at a time is tried.
        try outbox.record((0..<3).map { (cid($0), .became(.stored)) })
        try outbox.record([(cid(0), .failed(reason: "x", again: 0)), (cid(1), .failed(reason: "x", again: 0))])
        #expect(try toPin().count == 2 && toPin().first == cid(2))
    }

    @Test("another IPFS node is given everything again, and the first one nothing twice")
    func nodes() throws {
        for number in 0..<3 { try add(number) }
        #expect(try outbox.meet(node: "one") == false)
        try outbox.record((0..<3).map { (cid($0), .became(.published)) })
        try add(7, outbox.receiving)
        #expect(try outbox.meet(node: "one") == false)
        #expect(try toPut().isEmpty)
        #expect(try outbox.meet(node: "two"))
        #expect(try toPut() == (0..<3).map(cid))
        #expect(try state(7) == .fetched)
    }

    @Test("a row of the outbox is written with its block or not at all")
    func together() throws {
        struct Stop: Error {}
        let blocks = try blocks(limit: 10_000)
        let owner = Owner(uid: 1000, name: "alice")
        #expect(throws: Stop.self) {
            try store.write { database in
                try blocks.insert([1], CID(hashing: [1], codec: .raw), .block, owner: owner, in: database)
                throw Stop()
            }
        }
        #expect(try outbox.counts().isEmpty)
        #expect(try store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM blocks") } == 0)
    }

    @Test("dropping bytes gives their owner room, and a user who brings them back uses their own")
    func dropping() throws {
        // Room for the content of one block, and for the rows of two.
        let blocks = try blocks(limit: 2000 + 2 * BlockStore.rowCharge)
        let (alice, bob) = (Owner(uid: 1000, name: "alice"), Owner(uid: 1001, name: "bob"))
        let bytes = [UInt8](repeating: 1, count: 2000)
        let cid = CID(hashing: bytes, codec: .raw)
        func insert(_ bytes: [UInt8], _ owner: Owner) throws {
            try store.write {
                try blocks.insert(bytes, CID(hashing: bytes, codec: .raw), .block, owner: owner, in: $0)
            }
        }
        try insert(bytes, alice)
        #expect(code { try insert([UInt8](repeating: 2, count: 2000), alice) } == .resourceExhausted)
        #expect(try store.write { try blocks.drop(cid, in: $0)?.bytes } == 2000)
        #expect(try store.write { try blocks.drop(cid, in: $0)?.bytes } == nil)
        let (_, missing) = MissingBlocks.collecting { try blocks.bytes(cid) }
        #expect(missing == [cid])
        try insert([UInt8](repeating: 2, count: 2000), alice)
        try insert(bytes, bob)
        #expect(try blocks.bytes(cid) == bytes)
        #expect(code { try insert([UInt8](repeating: 3, count: 2000), bob) } == .resourceExhausted)
        // The empty block has no bytes, and is here all the same.
        try insert([], bob)
        #expect(try blocks.bytes(CID(hashing: [], codec: .raw)) == [])
    }

    @Test("the outbox's pauses grow, stay within their bound, and are not all the same")
    func backOff() {
        let backOff = BackOff(longestMilliseconds: 60_000)
        for failures in 0...100 {
            for _ in 0..<20 {
                let delay = backOff.delay(after: failures)
                #expect(delay >= 1 && delay <= 60_000)
                if failures >= 9 { #expect(delay >= 30_000) }
                if failures <= 1 { #expect(delay <= 250) }
            }
        }
        #expect(Set((0..<50).map { _ in backOff.delay(after: 20) }).count > 1)
    }
}
