import DTAConfiguration
import DTAFormats
import DTASystem
import Foundation
import GRDB
import Glibc
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAEnvelopes
@testable import DTAIdentities
@testable import DTALedger

@Suite("Drafts of envelopes") struct DraftTests {
    let host: Host
    let size = ChunkPlan.blockContent * 2 + 1000

    init() throws {
        host = try Host(grants: [grant(["unix:user:carol"], identities: ["alice"], ["seal"])])
        try host.identity("alice")
        try host.identity("bob", of: bob)
    }

    // MARK: As a client does it

    private var segments: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: host.path + "/segments")) ?? []).sorted()
    }

    private func begin(
        to: [String] = ["bob"], by caller: Caller = alice, on host: Host? = nil
    ) throws -> (id: String, cipher: ChunkCipher?) {
        let address = EnvelopeService.Address(sender: "alice", recipients: to, isPublic: to.isEmpty)
        let (id, key) = try (host ?? self.host).core.envelopes.draft(caller, address)
        return (id, try key.map { try ChunkCipher(key: $0.array) })
    }

    private func content(_ size: Int) -> Data { Data((0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 9) }) }

    private func blocks(_ content: Data, _ cipher: ChunkCipher?) throws -> [Data] {
        let plan = try ChunkPlan(size: content.count, isSealed: cipher != nil)
        return try (0..<plan.blockCount).map { index in
            let part = Data(content[plan.offset(ofBlock: index)...].prefix(plan.contentSize(index)))
            return try cipher?.sealBlock(part, index: index, isLast: index == plan.blockCount - 1) ?? part
        }
    }

    private func write(_ id: String, _ index: Int, _ block: Data, by caller: Caller = alice) throws {
        try host.core.envelopes.write(caller, draft: id, index: UInt32(index), block: block)
    }

    private func finish(_ id: String, _ count: Int, by caller: Caller = alice) throws -> CID {
        try host.core.envelopes.finish(caller, draft: id, count: UInt32(count))(host.custodian)
    }

    private func seal(_ content: Data, to: [String] = ["bob"]) throws -> CID {
        let (id, cipher) = try begin(to: to)
        let blocks = try blocks(content, cipher)
        for (index, block) in blocks.enumerated().reversed() { try write(id, index, block) }
        return try finish(id, blocks.count)
    }

    private func open(_ cid: CID, by caller: Caller = bob) throws -> Data {
        let opened = try host.core.envelopes.open(caller, envelope: "\(cid)", as: nil)(host.custodian)
        guard case .chunks(let size, let key) = opened.content else { throw TestFailure("the body is inline") }
        let envelope = try SignedEnvelope(block: host.core.ledger.get("\(cid)").bytes).envelope
        let chunks = try #require(envelope.chunks)
        let cipher = try key.map { try ChunkCipher(key: $0.array) }
        #expect(chunks.plan.size == size && (key == nil) == envelope.isPublic)
        return try chunks.links().enumerated().reduce(into: Data()) { content, link in
            let block = try host.core.ledger.block("\(link.element)").data
            content += try cipher?.openBlock(block, index: link.offset, of: chunks.plan) ?? block
        }
    }

    // MARK: Claims

    @Test("a body is written in any order and opened as it was, sealed and public")
    func roundTrip() throws {
        for to in [["bob"], []] {
            let cid = try seal(content(size), to: to)
            #expect(try open(cid) == content(size))
        }
        #expect(segments.count == 2)
        #expect(segments.allSatisfy { !$0.hasSuffix(".partial") })
        #expect(host.core.envelopes.drafts.count == 0)
    }

    @Test("a draft belongs to its user: nobody else writes, finishes or abandons it")
    func ownership() throws {
        let (id, cipher) = try begin()
        let block = try blocks(content(1000), cipher)[0]
        for stranger in [bob, carol, root, user("alice", 2000), user("other", 1000)] {
            #expect(code { try write(id, 0, block, by: stranger) } == .notFound)
            #expect(code { _ = try finish(id, 1, by: stranger) } == .notFound)
            #expect(code { try host.core.envelopes.abandon(stranger, draft: id) } == .notFound)
        }
        try write(id, 0, block)
        #expect(try open(try finish(id, 1)) == content(1000))
    }

    @Test(
        "recipients of a draft are judged again at its end: one who was replaced meanwhile gets nothing, and nothing is stored"
    )
    func recipientsAtTheEnd() throws {
        let (id, cipher) = try begin()
        try write(id, 0, try blocks(content(10), cipher)[0])
        let before = try host.core.ledger.list(count: 0, cursor: "").items.count
        let next = try host.core.identities.rotate(bob, "bob", recovery: [], postQuantum: false)(host.custodian).cid
        let error = try refusal { _ = try finish(id, 1) }
        #expect(error.code == .failedPrecondition && error.message.contains("was replaced by"))
        #expect(error.message.contains("\(next)") && error.hint.contains("\(next)"))
        #expect(try host.core.ledger.list(count: 0, cursor: "").items.count == before + 1)
        #expect(segments.isEmpty && host.core.envelopes.drafts.count == 0)
        // The same where trust was taken away.
        let (other, key) = try begin()
        try write(other, 0, try blocks(content(10), key)[0])
        _ = try host.core.identities.distrust(root, "bob")
        #expect(try refusal { _ = try finish(other, 1) }.message.contains("is distrusted here"))
        #expect(segments.isEmpty)
    }

    @Test("only who may seal as the sender drafts, and not after that right was taken back")
    func rights() throws {
        #expect(code { _ = try begin(by: bob) } == .permissionDenied)
        let (id, cipher) = try begin(by: carol)
        try write(id, 0, try blocks(content(10), cipher)[0], by: carol)
        var configuration = Configuration(state: host.path)
        configuration.grants = []
        try host.core.reload(configuration)
        #expect(code { _ = try finish(id, 1, by: carol) } == .permissionDenied)
        #expect(segments.isEmpty)
    }

    @Test("a block is taken once: no body is sealed twice under one key")
    func once() throws {
        let (id, cipher) = try begin()
        let blocks = try blocks(content(size), cipher)
        try write(id, 1, blocks[1])
        #expect(code { try write(id, 1, blocks[1]) } == .failedPrecondition)
        #expect(code { try write(id, 1, blocks[0]) } == .failedPrecondition)
    }

    @Test("a draft is used up by its end, whatever comes of it")
    func usedUp() throws {
        let (id, cipher) = try begin()
        try write(id, 0, try blocks(content(10), cipher)[0])
        _ = try finish(id, 1)
        #expect(code { _ = try finish(id, 1) } == .notFound)
        #expect(code { try write(id, 1, Data(count: 16)) } == .notFound)
        let (failing, _) = try begin()
        #expect(code { _ = try finish(failing, 1) } == .invalidArgument)
        #expect(code { _ = try finish(failing, 1) } == .notFound)
        #expect(segments.count == 1)
    }

    @Test("a draft with blocks that are missing, too many, or not full makes no body")
    func noBody() throws {
        let full = ChunkPlan.fullBlock(isSealed: true)
        for (sizes, count) in [
            ([:], 0), ([:], 1), ([0: full, 2: 100], 3), ([0: full, 1: 100], 1), ([0: full, 1: 100], 3),
            ([1: 100], 1), ([0: full, 1: 16], 2), ([0: 15], 1), ([0: full, 1: 0], 2),
        ] as [([Int: Int], Int)] {
            let (id, _) = try begin()
            for (index, size) in sizes { try write(id, index, Data(count: size)) }
            #expect(code { _ = try finish(id, count) } == .invalidArgument, "\(sizes), \(count)")
        }
        let (id, _) = try begin()
        #expect(code { try write(id, 0, Data(count: full + 1)) } == .invalidArgument)
        #expect(code { try write(id, Int(UInt32.max), Data(count: 100)) } == .invalidArgument)
        // One block ends the body; a flood of small ones, which take more than is charged for them, is none.
        try write(id, 5, Data(count: 0))
        for size in [0, 1, full - 1] {
            #expect(code { try write(id, 6, Data(count: size)) } == .invalidArgument)
        }
        try write(id, 6, Data(count: full))
        try host.core.envelopes.abandon(alice, draft: id)
        #expect(segments.isEmpty)
        #expect(try host.core.ledger.list(count: 0, cursor: "").items.allSatisfy { $0.kind == .identity })
    }

    @Test("an abandoned draft leaves nothing")
    func abandoned() throws {
        let (id, cipher) = try begin()
        try write(id, 0, try blocks(content(size), cipher)[0])
        #expect(segments == ["\(id).partial"])
        try host.core.envelopes.abandon(alice, draft: id)
        #expect(segments.isEmpty)
        #expect(code { try write(id, 1, Data(count: 100)) } == .notFound)
    }

    @Test("a user has 8 drafts of envelopes at most, and others have theirs")
    func bounded() throws {
        let drafts = try (0..<8).map { _ in try begin().id }
        let error = try refusal { _ = try begin() }
        #expect(error.code == .resourceExhausted && error.message.contains("8 drafts"))
        _ = try begin(by: carol)
        try host.core.envelopes.abandon(alice, draft: drafts[3])
        _ = try begin()
    }

    @Test("other users together cannot keep a user from the first draft")
    func first() throws {
        let users = (0..<9).map { user("u\($0)", UInt32(2000 + $0)) }
        let host = try Host(
            grants: users.map { grant(["unix:user:\($0.userName)"], identities: ["alice"], ["seal"]) })
        try host.identity("alice")
        for user in users.dropLast() { for _ in 0..<8 { _ = try begin(to: [], by: user, on: host) } }
        _ = try begin(to: [], by: users[8], on: host)
        #expect(try refusal { _ = try begin(to: [], by: users[8], on: host) }.message.contains("64 drafts"))
    }

    @Test("a draft that is being finished counts until it is stored or given up")
    func finishing() throws {
        let block = ChunkPlan.fullBlock(isSealed: false)
        let host = try Host { $0.ledgerBytesPerUser = 8 * block + 100_000 }
        try host.identity("alice")
        var steps: [CustodyStep<CID>] = []
        for index in 0..<8 {
            let id = try begin(to: [], on: host).id
            try host.core.envelopes.write(
                alice, draft: id, index: 0, block: Data(repeating: UInt8(index), count: block))
            steps.append(try host.core.envelopes.finish(alice, draft: id, count: 1))
        }
        #expect(code { _ = try begin(to: [], on: host) } == .resourceExhausted)
        // Neither carried out nor kept.
        steps.removeLast()
        let id = try begin(to: [], on: host).id
        let more = Data(repeating: 99, count: block)
        try host.core.envelopes.write(alice, draft: id, index: 0, block: more)
        #expect(
            code { try host.core.envelopes.write(alice, draft: id, index: 1, block: more) } == .resourceExhausted)
        for step in steps { _ = try step(host.custodian) }
        #expect(host.core.envelopes.drafts.count == 1)
    }

    @Test("the bytes that drafts have on the disk count as stored, and are stored once")
    func quota() throws {
        let block = ChunkPlan.fullBlock(isSealed: true)
        let host = try Host { $0.ledgerBytesPerUser = 3 * block }
        try host.identity("alice")
        func write(_ id: String, _ index: UInt32) throws {
            try host.core.envelopes.write(
                alice, draft: id, index: index, block: Data(repeating: UInt8(index + 1), count: block))
        }
        let one = try begin(to: ["alice"], on: host).id
        let two = try begin(to: ["alice"], on: host).id
        try write(one, 0)
        try write(two, 0)
        let error = try refusal { try write(one, 1) }
        #expect(error.code == .resourceExhausted && error.message.contains("alice (1000) may store"))
        try host.core.envelopes.abandon(alice, draft: two)
        try write(one, 1)
        _ = try host.core.envelopes.finish(alice, draft: one, count: 2)(host.custodian)
        let three = try begin(to: ["alice"], on: host).id
        #expect(code { try write(three, 0) } == .resourceExhausted)
    }

    @Test("if the HSM fails at the end of a draft, or is not asked, nothing is left")
    func failingEnd() throws {
        let (id, cipher) = try begin()
        try write(id, 0, try blocks(content(10), cipher)[0])
        host.custodian.fail("signDocument", with: DTAError(.unavailable, "away"))
        #expect(code { _ = try finish(id, 1) } == .unavailable)
        #expect(segments.isEmpty)
        let (other, _) = try begin()
        try write(other, 0, Data(count: 100))
        // The last step is never carried out: as when there is no HSM process to be had.
        _ = try host.core.envelopes.finish(alice, draft: other, count: 1)
        #expect(segments.isEmpty)
        #expect(try !host.core.ledger.list(count: 0, cursor: "").items.contains { $0.kind == .envelope })
    }

    @Test("a start clears the drafts that a crash left, and keeps what is stored")
    func restart() throws {
        let cid: CID
        let directory = try TemporaryDirectory()
        do {
            let host = try Host(directory.path)
            try host.core.recover(host.custodian)
            try host.identity("alice")
            let (id, cipher) = try begin(to: ["alice"], on: host)
            try host.core.envelopes.write(alice, draft: id, index: 0, block: try blocks(content(5), cipher)[0])
            cid = try host.core.envelopes.finish(alice, draft: id, count: 1)(host.custodian)
        }
        let kept = try FileManager.default.contentsOfDirectory(atPath: directory.file("segments"))
        try directory.write("segments/\(String(repeating: "0123", count: 8)).partial", "half a body")
        try directory.write("segments/00112233445566778899aabbccddeeff", "a body that no row names")
        let again = try Host(directory.path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("segments")) == kept)
        #expect(kept.count == 1)
        let link = try #require(
            try SignedEnvelope(block: again.core.ledger.get("\(cid)").bytes).envelope.chunks?.links()[0])
        #expect(try again.core.ledger.get("\(link)").bytes.count == 21)
    }

    @Test("a full disk in the middle of a draft is RESOURCE_EXHAUSTED, and nothing is left on it")
    func fullDisk() throws {
        let directory = try TemporaryDirectory()
        guard let disk = try SmallDisk(kilobytes: 2500, at: directory.file("segments")) else { return }
        let host = try Host(directory.path)
        try host.core.recover(host.custodian)
        try host.identity("alice")
        let (id, _) = try begin(to: ["alice"], on: host)
        let block = Data(count: ChunkPlan.fullBlock(isSealed: true))
        for index in 0..<2 as Range<UInt32> {
            try host.core.envelopes.write(alice, draft: id, index: index, block: block)
        }
        let error = try refusal { try host.core.envelopes.write(alice, draft: id, index: 2, block: block) }
        #expect(error.code == .resourceExhausted && error.message.contains("no room"), "\(error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).isEmpty)
        #expect(code { try host.core.envelopes.write(alice, draft: id, index: 3, block: block) } == .notFound)
        // There is room again.
        let (other, _) = try begin(to: ["alice"], on: host)
        try host.core.envelopes.write(alice, draft: other, index: 0, block: block)
        _ = try host.core.envelopes.finish(alice, draft: other, count: 1)(host.custodian)
    }

    @Test("a segment that is damaged, cut short or gone is DATA_LOSS; storing the block again repairs it")
    func damagedSegment() throws {
        let cid = try seal(content(size))
        let file = host.path + "/segments/" + (try #require(segments.first))
        let links = try #require(
            try SignedEnvelope(block: host.core.ledger.get("\(cid)").bytes).envelope.chunks?.links())
        let right = try host.core.ledger.get("\(links[1])").bytes
        let handle = try #require(FileHandle(forUpdatingAtPath: file))
        try handle.seek(toOffset: UInt64(ChunkPlan.fullBlock(isSealed: true) + 500))
        try handle.write(contentsOf: Data([1, 2, 3, 4, 5, 6, 7, 8]))
        _ = try host.core.ledger.get("\(links[0])")
        #expect(try refusal { _ = try host.core.ledger.get("\(links[1])") }.code == .dataLoss)
        #expect(try host.core.ledger.put(alice, data: right, contentType: "") == links[1])
        #expect(try host.core.ledger.get("\(links[1])").bytes == right)
        #expect(try open(cid) == content(size))
        try handle.truncate(atOffset: 100)
        #expect(code { _ = try host.core.ledger.get("\(links[0])") } == .dataLoss)
        try FileManager.default.removeItem(atPath: file)
        #expect(try refusal { _ = try host.core.ledger.get("\(links[0])") }.message.contains("segment"))
        #expect(code { _ = try host.core.ledger.get("\(links[2])") } == .dataLoss)
    }

    @Test("equal public blocks are stored and charged once; a segment without blocks goes")
    func equalBlocks() throws {
        // Three equal blocks and an end.
        let content = Data(count: 3 * ChunkPlan.blockContent) + Data([1])
        let first = try seal(content, to: [])
        let blocks = try host.core.ledger.list(count: 0, cursor: "").items.filter { $0.kind == .block }
        #expect(blocks.map(\.size).sorted() == [1, ChunkPlan.blockContent])
        let before = segments
        let second = try seal(content, to: [])
        #expect(segments.count == 1 && segments != before)
        #expect(try open(first) == content)
        #expect(try open(second) == content)
        let used = try host.core.ledger.blocks.store.read { database in
            try Int.fetchOne(database, sql: "SELECT bytes FROM ledger_usage WHERE owner_uid = 1000")
        }
        let stored = try host.core.ledger.list(count: 0, cursor: "").items.filter { $0.kind != .identity }
            .reduce(0) { $0 + $1.size }
        let document = try host.core.identities.show("alice").document.block.count
        // With what the rows cost: two envelopes, two blocks of their bodies, the document.
        #expect(used == stored + document + 5 * BlockStore.rowCharge)
    }

    /// Bytes that a file takes on the disk.
    private func room(_ path: String) throws -> Int {
        var status = stat()
        try #require(stat(path, &status) == 0)
        return Int(status.st_blocks) * 512
    }

    @Test("equal blocks take room once, also in a segment that others keep")
    func roomOfEqualBlocks() throws {
        let probe = host.path + "/probe"
        try Data(count: 1 << 20).write(to: URL(fileURLWithPath: probe))
        let file = try #require(FileHandle(forUpdatingAtPath: probe))
        PositionedFile.punch(file.fileDescriptor, at: 0, count: 1 << 20)
        // Not every file system can give room back.
        guard try room(probe) < 1 << 19 else { return }
        let equal = Data(count: 5 * ChunkPlan.blockContent)
        func body(_ byte: UInt8) -> Data { Data(repeating: byte, count: ChunkPlan.blockContent) + equal }
        let first = try seal(body(1), to: [])
        let segment = host.path + "/segments/" + (try #require(segments.first))
        #expect(try room(segment) < 3 * ChunkPlan.blockContent)
        let second = try seal(body(2), to: [])
        #expect(try room(segment) < 2 * ChunkPlan.blockContent)
        #expect(segments.count == 2)
        #expect(try open(first) == body(1) && open(second) == body(2))
    }

    @Test("drafts that nobody used for an hour are dropped, and not those that are in use")
    func idle() throws {
        let before = monotonicNanoseconds()
        let (id, _) = try begin()
        host.core.envelopes.dropIdleDrafts()
        #expect(segments == ["\(id).partial"])
        let draft = try host.core.envelopes.drafts.find(id, alice)
        #expect(draft.isIdle(since: monotonicNanoseconds()))
        #expect(!draft.isIdle(since: before))
    }
}
