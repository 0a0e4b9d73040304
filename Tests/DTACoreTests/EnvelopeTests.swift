import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTAEnvelopes
@testable import DTAIdentities
@testable import DTALedger

@Suite struct EnvelopeTests {
    let host: Host
    let body = Array("attack at dawn".utf8)

    init() throws {
        host = try Host(grants: [grant(["unix:user:carol"], identities: ["office"], ["open", "seal"])])
        try host.identity("alice")
        try host.identity("bob", of: bob)
        try host.identity("office", of: bob)
    }

    func seal(_ to: [String], from: String = "alice", by caller: Caller = alice) throws -> CID {
        try host.core.envelopes.seal(caller, sender: from, recipients: to, data: body, contentType: "text/plain")(
            host.custodian)
    }

    func open(_ cid: CID, _ caller: Caller, as identity: String? = nil) throws -> EnvelopeService.Opened {
        try host.core.envelopes.open(caller, envelope: "\(cid)", as: identity)(host.custodian)
    }

    @Test("each recipient opens what was sealed, by name or CID, and learns from whom it is")
    func roundTrip() throws {
        let office = try host.core.identities.show("office").identity.cid
        let cid = try seal(["bob", "\(office)"])
        let opened = try open(cid, bob, as: "bob")
        #expect(opened.body == body && opened.header.content == "text/plain")
        #expect(opened.header.from == (try host.core.identities.show("alice").identity.cid))
        #expect(try open(cid, bob, as: "\(office)").body == body)
        #expect(try open(cid, bob).body == body)
        #expect(try open(cid, carol).recipient == office)
    }

    @Test("an identity that is no recipient cannot open, and is told who the recipients are")
    func strangers() throws {
        let cid = try seal(["bob"])
        for caller in [alice, carol, root] {
            let error = try refusal { _ = try open(cid, caller) }
            #expect(error.code == .permissionDenied && error.message.contains("its recipient is bob ("), "\(error)")
        }
        #expect(code { _ = try open(cid, carol, as: "bob") } == .permissionDenied)
        let error = try refusal { _ = try open(cid, alice, as: "alice") }
        #expect(error.code == .permissionDenied)
        #expect(error.message.contains("is not to identity alice (") && error.message.contains("bob ("))
    }

    @Test("only an owner, or who was granted it, seals as an identity")
    func senders() throws {
        #expect(code { _ = try seal(["bob"], from: "alice", by: bob) } == .permissionDenied)
        #expect(code { _ = try seal(["bob"], from: "alice", by: root) } == .permissionDenied)
        #expect(try open(try seal(["bob"], from: "office", by: carol), bob).body == body)
        #expect(code { _ = try seal(["bob"], from: "agent", by: root) } == .permissionDenied)
        #expect(code { _ = try seal(["bob"], from: "nobody") } == .notFound)
        #expect(code { _ = try seal(["nobody"]) } == .notFound)
        #expect(code { _ = try seal([]) } == .invalidArgument)
        #expect(code { _ = try seal(Array(repeating: "bob", count: 1001)) } == .invalidArgument)
    }

    @Test("the body of an envelope of one block is at most 256 KiB")
    func bodyLimit() throws {
        let envelopes = host.core.envelopes
        let large = [UInt8](repeating: 1, count: 256 << 10)
        let cid = try envelopes.seal(alice, sender: "alice", recipients: ["bob"], data: large, contentType: "")(
            host.custodian)
        #expect(try open(cid, bob).body == large)
        #expect(
            code {
                _ = try envelopes.seal(alice, sender: "alice", recipients: ["bob"], data: large + [1], contentType: "")
            } == .invalidArgument)
        #expect(
            code {
                _ = try envelopes.seal(alice, sender: "alice", recipients: ["bob"], data: [], contentType: "nonsense")(
                    host.custodian)
            } == .invalidArgument)
    }

    @Test("if the HSM fails while an envelope is sealed, nothing is stored")
    func failedSeal() throws {
        host.custodian.fail("signDocument", with: DTAError(.unavailable, "away"))
        #expect(code { _ = try seal(["bob"]) } == .unavailable)
        #expect(try !host.core.ledger.list(count: 0, cursor: "").items.contains { $0.kind == .envelope })
    }

    @Test("an envelope with a changed bit is not opened, wherever the bit is")
    func flippedBits() throws {
        let (_, block) = try host.core.ledger.get("\(try seal(["bob"]))")
        var opened = 0
        for at in stride(from: 0, to: block.count, by: 13) {
            var changed = block
            changed[at] ^= 1 << UInt8(at % 8)
            guard let cid = try? host.core.ledger.put(carol, data: changed, contentType: dagCBOR) else { continue }
            if (try? open(cid, bob)) != nil { opened += 1 }
        }
        #expect(opened == 0)
    }

    let dagCBOR = LedgerService.ContentType.dagCBOR.rawValue

    @Test("an envelope from an identity that is not known here waits for its document")
    func unknownSender() throws {
        let other = try Host()
        try other.identity("eve")
        let (_, document) = try host.core.identities.show("bob")
        _ = try other.core.ledger.put(alice, data: document.block, contentType: dagCBOR)
        let cid = try other.core.envelopes.seal(
            alice, sender: "eve", recipients: ["\(document.cid)"], data: body, contentType: "")(other.custodian)
        _ = try host.core.ledger.put(bob, data: try other.core.ledger.get("\(cid)").bytes, contentType: dagCBOR)
        let error = try refusal { _ = try open(cid, bob) }
        #expect(error.code == .failedPrecondition && error.hints == [Hint(.importIdentity)])
        let eve = try other.core.identities.show("eve").document
        _ = try host.core.ledger.put(bob, data: eve.block, contentType: dagCBOR)
        // Known, and not trusted here.
        #expect(code { _ = try open(cid, bob) } == .failedPrecondition)
        let opening = try host.core.envelopes.open(bob, envelope: "\(cid)", as: nil, allowUntrusted: true)
        let opened = try opening(host.custodian)
        #expect(opened.body == body && opened.trust == .untrusted && opened.standing == "current")
    }

    @Test("identities from elsewhere are known by CID, never by the name that they give themselves")
    func foreignNames() throws {
        let other = try Host()
        try other.identity("bank")
        let document = try other.core.identities.show("bank").document
        _ = try host.core.ledger.put(carol, data: document.block, contentType: dagCBOR)
        #expect(code { _ = try host.core.identities.show("bank") } == .notFound)
        let known = try host.core.identities.show("\(document.cid)").identity
        #expect(known.name == "bank" && !known.isOwn)
        let list = try host.core.identities.list(alice, count: 0, cursor: "").items
        #expect(list.map(\.name) == ["alice", "bob", "office", "bank"])
        var paged: [String] = []
        var cursor = ""
        repeat {
            let page = try host.core.identities.list(root, count: 1, cursor: cursor)
            paged += page.items.map(\.name)
            cursor = page.cursor
        } while !cursor.isEmpty
        #expect(paged == ["agent", "alice", "bob", "office", "bank"])
        #expect(code { try host.identity("\(document.cid)") } == .invalidArgument)
    }

    @Test("a user has at most as many identities as the configuration allows")
    func quota() throws {
        let host = try Host { $0.identitiesPerUser = 1 }
        try host.identity("a")
        #expect(code { try host.identity("b") } == .resourceExhausted)
        #expect(code { try host.identity("a", of: bob) } == .failedPrecondition)
        try host.identity("b", of: bob)
    }
}
