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

@Suite("Envelopes that come, and their threads") struct ThreadTests {
    let host: Host
    let body = Array("shall we?".utf8)

    init() throws {
        host = try Host()
        try host.identity("alice")
        try host.identity("bob", of: bob)
    }

    private func seal(
        _ to: [String], from: String = "alice", by caller: Caller = alice, replyTo: String = ""
    ) throws -> CID {
        try host.core.envelopes.seal(
            caller, sender: from, recipients: to, data: body, contentType: "text/plain", isPublic: to.isEmpty,
            replyTo: replyTo)(host.custodian)
    }

    private func open(_ cid: CID, allowUntrusted: Bool = false) throws -> EnvelopeService.Opened {
        try host.core.envelopes.open(bob, envelope: "\(cid)", as: nil, allowUntrusted: allowUntrusted)(host.custodian)
    }

    private func thread(_ cid: CID, count: UInt32 = 0, cursor: String = "") throws -> Page<
        (envelope: ReceivedEnvelope, trust: Trust)
    > { try host.core.envelopes.thread(of: "\(cid)", count: count, cursor: cursor) }

    @Test("replies continue a thread, which is listed from any of its envelopes")
    func replies() throws {
        let question = try seal(["bob"])
        let answer = try seal(["alice"], from: "bob", by: bob, replyTo: "\(question)")
        let more = try seal(["bob"], replyTo: "\(answer)")
        let other = try seal(["bob"])
        for cid in [question, answer, more] {
            let items = try thread(cid).items
            #expect(Set(items.map(\.envelope.cid)) == [question, answer, more])
            #expect(items.first?.envelope.previous == nil)
            #expect(items.allSatisfy { $0.envelope.standing == "current" && $0.trust == .trusted })
        }
        #expect(try thread(other).items.map(\.envelope.cid) == [other])
        #expect(try open(more).header.previous == answer)
        var paged: [CID] = []
        var cursor = ""
        repeat {
            let page = try thread(answer, count: 1, cursor: cursor)
            paged += page.items.map(\.envelope.cid)
            cursor = page.cursor
        } while !cursor.isEmpty
        #expect(paged == (try thread(answer).items.map(\.envelope.cid)))
        #expect(code { _ = try thread(answer, cursor: "x") } == .invalidArgument)
        #expect(code { _ = try thread(try host.core.identities.show("bob").document.cid) } == .invalidArgument)
    }

    @Test("an envelope answers only an envelope that is here")
    func unknownReply() throws {
        let nothing = CID(hashing: [1] as [UInt8], codec: .dagCBOR)
        #expect(code { _ = try seal(["bob"], replyTo: "\(nothing)") } == .notFound)
        let document = try host.core.identities.show("bob").document.cid
        #expect(code { _ = try seal(["bob"], replyTo: "\(document)") } == .invalidArgument)
        #expect(code { _ = try seal(["bob"], replyTo: "nonsense") } == .invalidArgument)
    }

    @Test("a public envelope is opened without the HSM, and has no recipients")
    func publicEnvelope() throws {
        let cid = try seal([])
        guard case .opened(let opened) = try host.core.envelopes.open(carol, envelope: "\(cid)", as: nil) else {
            throw TestFailure("it asks for the HSM")
        }
        #expect(opened.body == body && opened.recipient == nil && opened.trust == .trusted)
        #expect(try thread(cid).items.first?.envelope.isPublic == true)
        let both = EnvelopeService.Address(sender: "alice", recipients: ["bob"], isPublic: true)
        #expect(code { _ = try host.core.envelopes.draft(alice, both) } == .invalidArgument)
    }

    // MARK: Receipt

    private func from(_ correspondent: Correspondent) throws -> SignedEnvelope {
        let recipient = try host.core.identities.show("bob").document
        return try correspondent.sign(
            EnvelopeSealer.seal(
                body, content: "text/plain", from: correspondent.document.cid, to: [recipient], created: 5))
    }

    private func put(_ block: [UInt8]) throws { _ = try host.core.ledger.put(bob, data: block, contentType: dagCBOR) }

    @Test("the sender's standing is judged when an envelope comes, or as soon as his document is here, and kept")
    func standingAtReceipt() throws {
        let eve = try Correspondent("eve", kem: Correspondent.kem())
        let early = try from(eve)
        try put(early.block)
        #expect(try host.core.envelopes.received.find(early.cid)?.standing == nil)
        #expect(code { _ = try thread(early.cid) } == nil)
        #expect(code { _ = try open(early.cid) } == .failedPrecondition)
        try put(eve.document.block)
        #expect(try thread(early.cid).items.first?.envelope.standing == "current")
        let late = try from(eve)
        try put(late.block)
        let row = try #require(try host.core.envelopes.received.find(late.cid))
        #expect(row.standing == "current" && row.from == eve.document.cid && row.created == 5 && row.received > 5)
        try put(late.block)
        #expect(try host.core.envelopes.received.find(late.cid) == row)
    }

    @Test("an untrusted sender's envelope is opened only by who insists, and says so")
    func untrusted() throws {
        let eve = try Correspondent("eve", kem: Correspondent.kem())
        try put(eve.document.block)
        let signed = try from(eve)
        try put(signed.block)
        let error = try refusal { _ = try open(signed.cid) }
        #expect(error.code == .failedPrecondition)
        #expect(error.message.contains("does not trust") && error.hints == [Hint(.trust), Hint(.allowUntrusted)])
        let opened = try open(signed.cid, allowUntrusted: true)
        #expect(opened.body == body && opened.trust == .untrusted && opened.standing == "current")
    }

    @Test(
        "an envelope whose sender was not current when it came is opened only by who insists",
        arguments: [
            "rotated", "revoked", "conflict",
        ])
    func notCurrent(_ standing: String) throws {
        let cid = try seal(["bob"])
        try host.core.ledger.blocks.store.write { database in
            try database.execute(sql: "UPDATE envelopes SET standing = ?", arguments: [standing])
        }
        #expect(try refusal { _ = try open(cid) }.message.contains("known here as \(standing) already when it came"))
        #expect(try open(cid, allowUntrusted: true).standing == standing)
    }

    @Test("a forged envelope is stored as a block, and never counts as one that came")
    func forgery() throws {
        let eve = try Correspondent("eve", kem: Correspondent.kem())
        try put(eve.document.block)
        let signed = try from(eve)
        var block = signed.block
        block[block.count - 1] ^= 1
        try put(block)
        let forged = CID(hashing: block, codec: .dagCBOR)
        #expect(try host.core.envelopes.received.find(forged) == nil)
        #expect(code { _ = try open(forged, allowUntrusted: true) } == .dataLoss)
        #expect(code { _ = try thread(forged) } == .dataLoss)
        #expect(code { _ = try seal(["bob"], replyTo: "\(forged)") } == .dataLoss)
    }

    // MARK: Many recipients

    @Test("an envelope to 1,000 identities is opened by the one that is here, and tells who they are")
    func thousand() throws {
        let kem = try Correspondent.kem()
        let people = try (0..<999).map { try Correspondent("p\($0)", kem: kem).document }
        try host.core.ledger.blocks.store.write { database in
            for person in people {
                try host.core.ledger.blocks.insert(person, owner: Owner(uid: 1000, name: "alice"), in: database)
            }
        }
        let to = people.map(\.cid.description)
        let cid = try seal(to + ["bob"])
        #expect(try open(cid).body == body)
        let list = try host.core.ledger.list(count: 20, cursor: "").items
        #expect(list.first?.kind == .envelope && list.dropFirst().prefix(8).allSatisfy { $0.kind == .block })
        let error = try refusal { _ = try host.core.envelopes.open(carol, envelope: "\(cid)", as: nil) }
        #expect(error.code == .permissionDenied && error.message.contains("992 others"), "\(error)")
        // A page that is not what its name says opens nothing.
        let page = try #require(
            try SignedEnvelope(block: host.core.ledger.get("\(cid)").bytes).envelope.recipientPages.first)
        try host.core.ledger.blocks.store.write { database in
            try database.execute(
                sql: "UPDATE blocks SET bytes = x'80', size = 1 WHERE cid = ?", arguments: [Data(page.bytes)])
        }
        #expect(code { _ = try open(cid) } == .dataLoss)
    }

    @Test("envelopes from before there was a table of them are in it after the migration")
    func migration() throws {
        let cid = try seal(["bob"])
        let directory = try TemporaryDirectory()
        let block = try host.core.ledger.get("\(cid)").bytes
        do {
            let queue = try DatabaseQueue(path: directory.file("state.sqlite"))
            try StoreMigrations.migrator.migrate(queue, upTo: "identities")
            try queue.write { database in
                for (number, bytes) in [block, [1, 2, 3]].enumerated() {
                    try database.execute(
                        sql: """
                            INSERT INTO blocks (cid, bytes, size, kind, stored, owner_uid, owner_name)
                            VALUES (?, ?, ?, 'envelope', 77, 1000, 'alice')
                            """,
                        arguments: [number == 0 ? Data(cid.bytes) : Data([9]), Data(bytes), bytes.count])
                }
            }
        }
        let received = ReceivedEnvelopes(store: try Store(directory: directory.path))
        let found = try #require(try received.find(cid))
        #expect(found.received == 77 && found.standing == nil && found.content == "text/plain")
    }
}
