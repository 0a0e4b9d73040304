import DTAFormats
import DTASystem
import Foundation
import GRDB
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAEnvelopes
@testable import DTALedger
@testable import DTAOrders

@Suite struct LedgerTests {
    let dagCBOR = LedgerService.ContentType.dagCBOR.rawValue

    @Test("a block that is put is got back by its CID, and putting it again changes nothing")
    func roundTrip() throws {
        let host = try Host()
        let ledger = host.core.ledger
        let raw = try ledger.put(alice, data: [1, 2, 3], contentType: "")
        #expect(raw == CID(hashing: [1, 2, 3], codec: .raw))
        #expect(try ledger.put(bob, data: [1, 2, 3], contentType: "application/vnd.ipld.raw") == raw)
        #expect(try ledger.get("\(raw)").bytes == [1, 2, 3])
        let document = try ledger.put(alice, data: [0xa0], contentType: dagCBOR)
        #expect(document.codec == .dagCBOR)
        #expect(try ledger.get("\(document)").bytes == [0xa0])
        #expect(try ledger.put(alice, data: [], contentType: "").codec == .raw)
    }

    @Test("the ledger refuses what is not canonical DAG-CBOR, too large, or of another type")
    func refusals() throws {
        let host = try Host()
        let ledger = host.core.ledger
        for data: [UInt8] in [[], [0x18, 0x01], [0xa0, 0x00], [0x9f, 0xff], [0xc1, 0x00]] {
            #expect(code { _ = try ledger.put(alice, data: data, contentType: dagCBOR) } == .invalidArgument)
        }
        let large = [UInt8](repeating: 0, count: 1 << 20)
        _ = try ledger.put(alice, data: large, contentType: "")
        #expect(code { _ = try ledger.put(alice, data: large + [0], contentType: "") } == .invalidArgument)
        #expect(code { _ = try ledger.put(alice, data: [1], contentType: "text/plain") } == .invalidArgument)
        #expect(code { _ = try ledger.get("nonsense") } == .invalidArgument)
        #expect(code { _ = try ledger.get("\(CID(hashing: [9], codec: .raw))") } == .notFound)
    }

    @Test("a block whose bytes changed on the disk is DATA_LOSS with both hashes, and putting it again repairs it")
    func damage() throws {
        let host = try Host()
        let ledger = host.core.ledger
        let cid = try ledger.put(alice, data: [1, 2, 3], contentType: "")
        try ledger.blocks.store.write { database in
            try database.execute(
                sql: "UPDATE blocks SET bytes = ? WHERE cid = ?", arguments: [Data([1, 2, 4]), Data(cid.bytes)])
        }
        let error = try refusal { _ = try ledger.get("\(cid)") }
        #expect(error.code == .dataLoss)
        #expect(error.message.contains("\(cid)") && error.message.contains("\(CID(hashing: [1, 2, 4], codec: .raw))"))
        #expect(try ledger.put(alice, data: [1, 2, 3], contentType: "") == cid)
        #expect(try ledger.get("\(cid)").bytes == [1, 2, 3])
    }

    @Test(
        "uids that are nobody's for long store nothing, by no way",
        arguments: [("", 54_321), ("", 100_000), ("nobody", 65_534), ("service", 61_200)])
    func namelessUsers(name: String, uid: UInt32) throws {
        let host = try Host(grants: [grant(["unix:uid:\(uid)"], identities: ["*"], ["seal", "order"])])
        try host.identity("alice")
        let stranger = user(name, uid)
        let core = host.core
        #expect(code { _ = try core.ledger.put(stranger, data: [1], contentType: "") } == .failedPrecondition)
        #expect(
            code {
                _ = try core.envelopes.seal(
                    stranger, sender: "alice", recipients: ["alice"], data: [1], contentType: "")
            } == .failedPrecondition)
        let address = EnvelopeService.Address(sender: "alice", recipients: ["alice"])
        #expect(code { _ = try core.envelopes.draft(stranger, address) } == .failedPrecondition)
        let cid = try host.core.ledger.put(alice, data: [1], contentType: "")
        #expect(code { _ = try core.orders.receive(stranger, "\(cid)") } == .failedPrecondition)
        let used = try core.ledger.blocks.store.read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM ledger_usage WHERE owner_uid = ?", arguments: [Int64(uid)])
        }
        #expect(used == 0)
    }

    @Test("a user stores at most as many bytes as the configuration allows")
    func quota() throws {
        let host = try Host { $0.ledgerBytesPerUser = 100 + 2 * BlockStore.rowCharge }
        let ledger = host.core.ledger
        _ = try ledger.put(alice, data: [UInt8](repeating: 1, count: 60), contentType: "")
        let error = try refusal { _ = try ledger.put(alice, data: [UInt8](repeating: 2, count: 60), contentType: "") }
        #expect(error.code == .resourceExhausted && error.message.contains("\(60 + BlockStore.rowCharge) are used"))
        #expect(error.hint.contains("512 bytes beside its content"))
        // What is there costs nobody anything a second time, and others have room of their own.
        _ = try ledger.put(alice, data: [UInt8](repeating: 1, count: 60), contentType: "")
        _ = try ledger.put(alice, data: [UInt8](repeating: 3, count: 40), contentType: "")
        _ = try ledger.put(bob, data: [UInt8](repeating: 2, count: 60), contentType: "")
        #expect(try ledger.list(count: 0, cursor: "").items.count == 4)
    }

    @Test("the ledger's lists are newest first, page by page, and say what each block is")
    func lists() throws {
        let host = try Host()
        let ledger = host.core.ledger
        try host.identity("alice")
        for number in 0..<10 { _ = try ledger.put(alice, data: [UInt8(number)], contentType: "") }
        let first = try ledger.list(count: 4, cursor: "")
        #expect(first.items.map(\.cid) == [9, 8, 7, 6].map { CID(hashing: [$0], codec: .raw) })
        let second = try ledger.list(count: 8, cursor: first.cursor)
        #expect(second.items.count == 8 && second.cursor.isEmpty)
        #expect(second.items.map(\.kind) == Array(repeating: .block, count: 6) + [.identity, .identity])
        #expect(code { _ = try ledger.list(count: 0, cursor: "x") } == .invalidArgument)
    }
}
