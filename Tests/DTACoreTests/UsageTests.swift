import DTAFormats
import DTASystem
import Foundation
import GRDB
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAEnvelopes
@testable import DTAIdentities
@testable import DTALedger

/// What users are said to have stored is what the tables hold, whatever was done in between.
@Suite struct UsageTests {
    let directory: TemporaryDirectory
    let store: Store

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store(directory: directory.path)
    }

    private func blocks(limit: Int = 1 << 40, publishing: Bool = false) throws -> BlockStore {
        BlockStore(
            store: store, segments: try SegmentDirectory(state: directory.path), limit: limit,
            outbox: publishing ? Outbox(store: store) : nil
        ) { _, _ in }
    }

    /// What is noted of each user, and what it should be: content that is here, and 512 bytes a row.
    private func usage() throws -> (noted: [String: Int], counted: [String: Int]) {
        try store.read { database in
            func read(_ sql: String) throws -> [String: Int] {
                let rows = try Row.fetchAll(database, sql: sql)
                let pairs = rows.map {
                    ("\($0["owner_uid"] as Int64) \($0["owner_name"] as String)", $0["bytes"] as Int)
                }
                return Dictionary(uniqueKeysWithValues: pairs.filter { $0.1 != 0 })
            }
            return (
                try read("SELECT owner_uid, owner_name, bytes FROM ledger_usage"),
                try read(
                    """
                    SELECT owner_uid, owner_name, sum(512 + CASE WHEN \(BlockStore.isDropped) THEN 0 ELSE size END) AS bytes
                    FROM blocks GROUP BY owner_uid, owner_name
                    """)
            )
        }
    }

    private func check(_ what: String = "") throws {
        let (noted, counted) = try usage()
        #expect(noted == counted, "\(what)")
    }

    @Test(
        "a user's usage is right after any order of storing, dropping and bringing back, alone, in envelopes' bodies, and of what is refused"
    )
    func invariant() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var dice = Dice(state: seed)
        let owners = [
            Owner(uid: 1000, name: "alice"), Owner(uid: 1000, name: "alice2"), Owner(uid: 1001, name: "bob"), .agent,
        ]
        for publishing in [false, true] {
            // The limit is reached now and then: what is refused changes nothing.
            let stores = [try blocks(publishing: publishing), try blocks(limit: 40_000, publishing: publishing)]
            for step in 0..<600 {
                let blocks = Bool.random(using: &dice) ? stores[0] : stores[1]
                let owner = owners.randomElement(using: &dice) ?? .agent
                // Few contents, so that they meet again; the empty one among them.
                let contents = (0..<40).map { [UInt8](repeating: UInt8($0), count: $0 * 37) }
                let bytes = contents.randomElement(using: &dice) ?? []
                let cid = CID(hashing: bytes, codec: .raw)
                do {
                    switch Int.random(in: 0..<4, using: &dice) {
                    case 0, 1:
                        try store.write { try blocks.insert(bytes, cid, .block, owner: owner, in: $0) }
                    case 2:
                        let dropped = try store.write { try blocks.drop(cid, in: $0) }
                        try blocks.free(dropped.map { [$0] } ?? [])
                    default:
                        try insertBody((0..<3).compactMap { _ in contents.randomElement(using: &dice) }, owner, blocks)
                    }
                } catch let error as DTAError where error.code == .resourceExhausted {}
                try check("step \(step), seed \(seed)")
            }
        }
        #expect(try usage().counted.count == owners.count)
    }

    /// Blocks of a body, with equal ones among them, in a segment.
    private func insertBody(_ contents: [[UInt8]], _ owner: Owner, _ blocks: BlockStore) throws {
        let segment = try blocks.segments.begin()
        var offset = 0
        let placed = try contents.map { bytes in
            defer { offset += bytes.count }
            try segment.write(Data(bytes), at: offset)
            return BlockStore.SegmentBlock(
                cid: CID(hashing: bytes, codec: .raw), size: bytes.count,
                place: SegmentPlace(segment: segment.id, offset: offset))
        }
        try segment.finish()
        let left = try store.write { database in
            try blocks.insert(placed, partOf: CID(hashing: [1], codec: .dagCBOR), owner: owner, in: database)
        }
        segment.keep()
        try blocks.free(left)
    }

    @Test(
        "usage is right with what people do: identities, envelopes, imports, others' documents, a second time by another user"
    )
    func services() throws {
        let host = try Host()
        try host.identity("alice")
        try host.identity("bob", of: bob)
        let ledger = host.core.ledger
        let envelope = try host.core.envelopes.seal(
            alice, sender: "alice", recipients: ["bob"], data: [1, 2, 3], contentType: "")(host.custodian)
        let sender = try Correspondent("other", kem: Correspondent.kem())
        let elsewhere = try sender.sign(
            EnvelopeSealer.publish([7], content: "text/plain", from: sender.document.cid, created: 5))
        for caller in [bob, alice] {
            // The envelope before its sender, who is then known, and both again by another user.
            _ = try ledger.put(caller, data: elsewhere.block, contentType: dagCBOR)
            _ = try ledger.put(caller, data: sender.document.block, contentType: dagCBOR)
            _ = try ledger.put(caller, data: ledger.get("\(envelope)").bytes, contentType: dagCBOR)
        }
        _ = try host.core.identities.rotate(alice, "alice", recovery: [], postQuantum: false)(host.custodian)
        let usage = try host.core.ledger.blocks.store.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT bytes = (SELECT sum(512 + size) FROM blocks WHERE blocks.owner_uid = ledger_usage.owner_uid
                      AND blocks.owner_name = ledger_usage.owner_name) AS fits FROM ledger_usage
                    """
            ).map { $0["fits"] as Bool }
        }
        #expect(usage == [true, true, true])
    }

    @Test("an older database is counted anew: rows count, dropped content does not")
    func migration() throws {
        let path = directory.file("older")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        do {
            let queue = try DatabaseQueue(path: path + "/state.sqlite")
            try StoreMigrations.migrator.migrate(queue, upTo: "post-quantum")
            try queue.write { database in
                for (number, row) in [
                    (1000, Data([1, 2, 3]), 3, nil), (1000, Data(), 5, nil), (1000, Data(), 700, "s"),
                    (1001, Data(), 0, nil),
                ].enumerated() as EnumeratedSequence<[(Int, Data, Int, String?)]> {
                    try database.execute(
                        sql: """
                            INSERT INTO blocks (cid, bytes, size, kind, stored, owner_uid, owner_name, segment, segment_offset)
                            VALUES (?, ?, ?, 'block', 1, ?, 'user', ?, 0)
                            """, arguments: [Data([UInt8(number)]), row.1, row.2, row.0, row.3])
                    try database.execute(
                        sql: "INSERT INTO publications (cid, state, due, since) VALUES (?, 'waiting', 0, 0)",
                        arguments: [Data([UInt8(number)])])
                }
                try database.execute(sql: "INSERT INTO ledger_usage VALUES (1000, 'user', 703), (7, 'nobody', 9)")
            }
        }
        let store = try Store(directory: path)
        let usage = try store.read { database in
            try Row.fetchAll(database, sql: "SELECT owner_uid, bytes FROM ledger_usage ORDER BY owner_uid")
                .map { [$0["owner_uid"] as Int, $0["bytes"] as Int] }
        }
        #expect(usage == [[1000, 3 * 512 + 703], [1001, 512]])
        let turns = try store.read { try Int.fetchAll($0, sql: "SELECT owner_uid FROM publications ORDER BY number") }
        #expect(turns == [1000, 1000, 1000, 1001])
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators): the same numbers for the same seed.
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
