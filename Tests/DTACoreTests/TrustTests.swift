import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAEnvelopes
@testable import DTAIdentities
@testable import DTALedger

@Suite("Trust and attacks on it") struct TrustTests {
    let host: Host
    let key = OfflineKey()
    let bank: Stranger

    init() throws {
        host = try Host(grants: [grant(["unix:user:carol"], identities: ["partner-*"], ["trust"])])
        try host.identity("alice")
        bank = try Stranger(recovery: key)
        try host.bring(bank)
    }

    @discardableResult
    private func trust(_ subject: some CustomStringConvertible, as alias: String = "", by caller: Caller = root)
        throws -> KnownIdentity
    {
        try host.core.identities.trust(caller, "\(subject)", alias: alias, url: "")
    }

    @discardableResult
    private func distrust(_ subject: some CustomStringConvertible, by caller: Caller = root) throws -> KnownIdentity {
        try host.core.identities.distrust(caller, "\(subject)")
    }

    @Test(
        "an identity from elsewhere is untrusted until an administrator trusts it under a name, which works as its CID")
    func alias() throws {
        #expect(try host.show(bank.cid).trust == .untrusted)
        let known = try host.core.identities.trust(root, "\(bank.cid)", alias: "bank", url: "https://bank.example/dta")
        #expect(known.trust == .trusted && known.alias == "bank" && known.url == "https://bank.example/dta")
        #expect(try host.show("bank").cid == bank.cid)
        _ = try host.seal(to: ["bank"])
        let again = try Host.restarted(host)
        #expect(try again.show("bank") == known)

        #expect(try trust("bank").url == "https://bank.example/dta")
        let moved = try host.core.identities.trust(root, "bank", alias: "", url: "https://new.example")
        #expect(moved.alias == "bank" && moved.url == "https://new.example")
        #expect(try trust(bank.cid, as: "house").alias == "house")
        #expect(code { _ = try host.show("bank") } == .notFound)
    }

    @Test("trust is the host's: users have no say in it, unless they were granted one for such names")
    func permissions() throws {
        for body in [
            { _ = try trust(bank.cid, as: "bank", by: alice) }, { _ = try distrust(bank.cid, by: alice) },
            { _ = try distrust("alice", by: alice) }, { _ = try trust(bank.cid, as: "bank", by: carol) },
        ] {
            let error = try refusal(body)
            #expect(error.code == .permissionDenied && error.message.contains("administrators decide"), "\(error)")
        }
        #expect(try trust(bank.cid, as: "partner-bank", by: carol).alias == "partner-bank")
        #expect(code { try trust(bank.cid, as: "bank", by: carol) } == .permissionDenied)
        try trust(bank.cid, as: "bank")
        // A name that carol may give does not let her take away one that she may not.
        #expect(code { try trust(bank.cid, as: "partner-bank", by: carol) } == .permissionDenied)
        #expect(code { try distrust("bank", by: carol) } == .permissionDenied)
        #expect(try host.core.explain(root, subject: "bank", permission: "trust", uid: nil).isAllowed)
        #expect(try !host.core.explain(alice, subject: "alice", permission: "trust", uid: nil).isAllowed)
        #expect(try host.core.explain(carol, subject: "partner-x", permission: "trust", uid: nil).isAllowed)
    }

    @Test("no alias poses as an own identity or as the agent, nor an own identity as an alias")
    func squatting() throws {
        for (name, expected) in [
            ("alice", ErrorCode.failedPrecondition), ("agent", .invalidArgument), ("\(bank.cid)", .invalidArgument),
            ("../bank", .invalidArgument), ("", .invalidArgument),
        ] {
            #expect(code { try trust(bank.cid, as: name) } == expected, "\(name)")
        }
        try trust(bank.cid, as: "bank")
        let error = try refusal { try host.identity("bank", of: bob) }
        #expect(error.code == .failedPrecondition && error.message.contains("\(bank.cid)"))
        let other = try Stranger("other")
        try host.bring(other)
        #expect(code { try trust(other.cid, as: "bank") } == .failedPrecondition)
        #expect(try host.show("bank").cid == bank.cid)
        // What a document calls itself finds nothing.
        #expect(code { _ = try host.show("other") } == .notFound)
        #expect(code { try trust(host.show("alice").cid, as: "boss") } == .invalidArgument)
        #expect(code { try trust(CID(hashing: [9], codec: .dagCBOR), as: "ghost") } == .notFound)
    }

    @Test(
        "a text that is no courier's URL is refused",
        arguments: [
            "ftp://x", "https://", "https:///path", "https://user:secret@host", "https://a b", "javascript:alert(1)",
            "https://x\u{1b}[2J", "HTTPS://x", "https://" + String(repeating: "x", count: 1024),
        ])
    func urls(_ url: String) throws {
        #expect(
            code { _ = try host.core.identities.trust(root, "\(bank.cid)", alias: "bank", url: url) }
                == .invalidArgument)
        #expect(code { _ = try host.show("bank") } == .notFound)
    }

    @Test("trust follows a chain of rotations that all verify, and the alias with it")
    func chain() throws {
        try trust(bank.cid, as: "bank")
        let second = try bank.next()
        let third = try second.next()
        // In any order: the last link comes first.
        try host.bring(third)
        #expect(try host.show(third.cid).trust == .untrusted)
        #expect(try host.show("bank").cid == bank.cid && host.show(third.cid).alias == nil)
        try host.bring(second)
        #expect(try host.show(third.cid).trust == .trusted)
        #expect(try host.show("bank").cid == third.cid)
        #expect(try host.show("bank").alias == "bank" && host.show(bank.cid).alias == "bank")
        #expect(try host.show(bank.cid).successor == third.cid)
        _ = try host.seal(to: ["bank"])
        let error = try refusal { _ = try host.seal(to: ["\(bank.cid)"]) }
        #expect(error.code == .failedPrecondition && error.message.contains("\(third.cid)"))
    }

    @Test("a forged successor is refused where its predecessor is here")
    func forged() throws {
        try trust(bank.cid, as: "bank")
        let mallory = try Stranger(replacing: bank.document, forging: true)
        let error = try refusal { try host.bring(mallory) }
        #expect(error.code == .dataLoss && error.message.contains("did not agree"))
        #expect(code { _ = try host.show(mallory.cid) } == .notFound)
        #expect(try host.show("bank").cid == bank.cid)
    }

    @Test(
        "a forged successor that came before its predecessor is found out when that one comes, and is no identity then")
    func forgedEarly() throws {
        let (house, host) = (try Stranger("house"), host)
        let mallory = try Stranger(replacing: house.document, forging: true)
        let real = try Stranger(replacing: house.document, by: [house.consent])
        try host.bring(mallory, real)
        #expect(try host.show(mallory.cid).trust == .untrusted)
        try host.bring(house)
        try trust(house.cid, as: "house")
        #expect(try host.show("house").cid == real.cid)
        #expect(code { _ = try host.show(mallory.cid) } == .dataLoss)
        #expect(code { _ = try host.seal(to: ["\(mallory.cid)"]) } == .dataLoss)
        #expect(code { try trust(mallory.cid, as: "mallory") } == .dataLoss)
        let listed = try host.core.identities.list(root, count: 0, cursor: "").items.map(\.cid)
        #expect(listed.contains(real.cid) && !listed.contains(mallory.cid))
    }

    @Test("a flood of forged successors of an identity that is not here is bounded, and does no harm once it is")
    func flood() throws {
        let house = try Stranger("house")
        for number in 0..<BlockStore.waitingLimit {
            try host.bring(Stranger("f\(number)", replacing: house.document, forging: true))
        }
        let real = try Stranger(replacing: house.document, by: [house.consent])
        let error = try refusal { try host.bring(real) }
        #expect(error.code == .resourceExhausted && error.hint.contains("first"))
        try host.bring(house, real)
        #expect(try host.show(house.cid).standing == .rotated(to: real.cid))
        // And those that its own key signed change nothing but the conflict that two of them make.
        for _ in 0..<40 { try host.bring(Stranger(replacing: house.document, by: [house.consent])) }
        #expect(try host.show(house.cid).standing == .conflict)
    }

    @Test("two successors are a conflict that takes the trust of both, until the recovery key speaks")
    func conflict() throws {
        try trust(bank.cid, as: "bank")
        let (one, two) = (try bank.next(), try bank.next())
        try host.bring(one)
        #expect(try host.show("bank").cid == one.cid)
        try host.bring(two)
        for party in [bank, one, two] { #expect(try host.show(party.cid).standing == .conflict) }
        for party in [one, two] {
            #expect(try host.show(party.cid).trust == .untrusted)
            #expect(code { try trust(party.cid, as: "x") } == .failedPrecondition)
            #expect(code { _ = try host.seal(to: ["\(party.cid)"]) } == .failedPrecondition)
        }
        let error = try refusal { _ = try host.seal(to: ["bank"]) }
        #expect(error.code == .failedPrecondition && error.message.contains("rival"))
        let settled = try bank.recovered(by: key)
        try host.bring(settled)
        #expect(try host.show("bank").cid == settled.cid)
        #expect(try host.show("bank").trust == .trusted)
        for party in [bank, one, two] { #expect(try host.show(party.cid).standing == .rotated(to: settled.cid)) }
        for party in [one, two] { #expect(try host.show(party.cid).trust == .untrusted) }
        _ = try host.seal(to: ["bank"])
    }

    @Test("a recovery key of another makes no successor")
    func foreignRecovery() throws {
        let other = try Stranger("other", recovery: OfflineKey())
        try host.bring(other)
        #expect(throws: FormatError.self) { try other.recovered(by: key) }
        // Its signature, moved from a succession in which it was right.
        let real = try bank.recovered(by: key)
        guard case .map(let map) = try DAGCBOR.decode(real.document.block), case .list(let list)? = map["signatures"]
        else { throw TestFailure("no signatures") }
        let mallory = try Stranger(replacing: other.document, forging: true)
        guard case .map(var forged) = try DAGCBOR.decode(mallory.document.block),
            case .list(let own)? = forged["signatures"]
        else { throw TestFailure("no signatures") }
        forged["signatures"] = .list([own[0], list[1]])
        let block = try DAGCBOR.encode(.map(forged))
        try host.bring(block)
        #expect(try host.core.ledger.list(count: 1, cursor: "").items.first?.kind == .block)
        #expect(try host.show(other.cid).standing == .current)
    }

    @Test("a successor of a revoked identity inherits no trust")
    func revoked() throws {
        try trust(bank.cid, as: "bank")
        let second = try bank.next()
        try host.bring(second)
        #expect(try host.show(second.cid).trust == .trusted)
        try host.bring(bank.revocation().block)
        #expect(try host.show(bank.cid).standing == .revoked)
        #expect(try host.show(second.cid).trust == .untrusted)
        let error = try refusal { _ = try host.seal(to: ["bank"]) }
        #expect(error.code == .failedPrecondition && error.message.contains("revoked"))
        #expect(code { try trust(bank.cid, as: "house") } == .failedPrecondition)
        // It stands for itself, and can be trusted for itself.
        #expect(try trust(second.cid, as: "second").trust == .trusted)
    }

    @Test("a revocation by a stranger, or of another identity, is refused; one that came early is found out")
    func falseRevocations() throws {
        let mallory = try Stranger("mallory")
        try host.bring(mallory)
        let replayed = { (of: Stranger, cid: CID) in
            guard case .map(var map) = try DAGCBOR.decode(of.revocation().block),
                case .map(var inner)? = map["revocation"]
            else { throw TestFailure("no revocation") }
            inner["revokes"] = .link(cid)
            map["revocation"] = .map(inner)
            return try DAGCBOR.encode(.map(map))
        }
        let error = try refusal { try host.bring(replayed(mallory, bank.cid)) }
        #expect(error.code == .dataLoss && error.message.contains("did not agree"))
        #expect(try host.show(bank.cid).standing == .current)

        let house = try Stranger("house")
        try host.bring(replayed(mallory, house.cid))
        try host.bring(house)
        #expect(try host.show(house.cid).standing == .current)
        #expect(try host.core.identities.history("\(house.cid)").blocks.count == 1)
        // The right one may come early as well.
        let late = try Stranger("late")
        try host.bring(late.revocation().block)
        try host.bring(late)
        #expect(try host.show(late.cid).standing == .revoked)
        for number in 0..<BlockStore.waitingLimit + 4 {
            let ghost = CID(hashing: [1], codec: .dagCBOR)
            let isRefused = code { try host.bring(replayed(try Stranger("\(number)"), ghost)) } != nil
            #expect(isRefused == (number >= BlockStore.waitingLimit))
        }
    }

    @Test("distrust beats trust that comes by succession, also where the link broke since, and frees the alias")
    func distrusted() throws {
        try trust(bank.cid, as: "bank")
        let second = try bank.next()
        let third = try second.next()
        try host.bring(second, third)
        let known = try distrust("bank")
        #expect(known.cid == bank.cid && known.trust == .distrusted && known.alias == nil)
        for party in [bank, second, third] { #expect(try host.show(party.cid).trust == .distrusted) }
        #expect(code { _ = try host.show("bank") } == .notFound)
        let error = try refusal { _ = try host.seal(to: ["\(third.cid)"]) }
        #expect(error.code == .failedPrecondition && error.message.contains("distrusted"))
        try host.bring(bank.next())
        #expect(try host.show(third.cid).trust == .distrusted)
        // The alias can be given anew.
        let other = try Stranger("other")
        try host.bring(other)
        try trust(other.cid, as: "bank")
        // What is said of one goes before what was said of those before it.
        #expect(try Host.restarted(host).show(third.cid).trust == .distrusted)
        try distrust("alice")
        #expect(try host.show("alice").trust == .distrusted)
        try host.rotate("alice")
        #expect(try host.show("alice").trust == .distrusted)
        #expect(try trust("alice").trust == .trusted)
        #expect(code { try distrust("agent") } == .failedPrecondition)
    }

    @Test("a user that may give only some names does not overrule the distrust of what had another")
    func overruling() throws {
        let second = try bank.next()
        try host.bring(second)
        try trust(bank.cid, as: "bank")
        try distrust("bank")
        for party in [bank, second] {
            #expect(code { try trust(party.cid, as: "partner-bank", by: carol) } == .permissionDenied)
            #expect(try host.show(party.cid).trust == .distrusted)
        }
        #expect(try trust(bank.cid, as: "partner-bank").trust == .trusted)
        #expect(try trust("partner-bank", by: carol).trust == .trusted)
    }

    @Test(
        "an identity that was trusted before its claim was refuted is trusted no more, and its alias can be taken away")
    func refutedLater() throws {
        let house = try Stranger("house")
        let mallory = try Stranger(replacing: house.document, forging: true)
        try host.bring(mallory)
        #expect(try trust(mallory.cid, as: "mallory").trust == .trusted)
        try host.bring(house)
        #expect(try host.core.identities.trust(mallory.cid) == .untrusted)
        #expect(try distrust("mallory").trust == .distrusted)
        try trust(house.cid, as: "mallory")
    }

    @Test("a document stored as a raw block is no identity, and hides none")
    func raw() throws {
        let house = try Stranger("house")
        let raw = try host.core.ledger.put(carol, data: house.document.block, contentType: "")
        #expect(code { _ = try host.show(raw) } == .invalidArgument)
        #expect(code { _ = try host.seal(to: ["\(raw)"]) } == .invalidArgument)
        #expect(code { _ = try host.show(house.cid) } == .notFound)
        let known = try host.core.ledger.put(carol, data: bank.document.block, contentType: "")
        #expect(code { try distrust(known) } == .invalidArgument)
        let envelope = try host.seal(to: ["alice"])
        let copy = try host.core.ledger.put(
            carol, data: host.core.ledger.get("\(envelope)").bytes, contentType: "")
        #expect(
            code { _ = try host.core.envelopes.open(alice, envelope: "\(copy)", as: nil) } == .invalidArgument)
    }

    @Test("a thief's flood of rivals does not crowd the recovered line out of the history")
    func crowd() throws {
        for _ in 0..<260 { try host.bring(Stranger(replacing: bank.document, by: [bank.consent])) }
        let recovered = try bank.recovered(by: key)
        let next = try recovered.next()
        try host.bring(recovered, next)
        let history = try host.core.identities.history("\(bank.cid)")
        #expect(history.identities.prefix(3).map(\.cid) == [bank.cid, recovered.cid, next.cid])
        #expect(history.identities.count == 256 && history.blocks.count == 256)
    }

    @Test("a long line is read once for a whole list, and not once for each identity in it")
    func longLine() throws {
        var line = [bank]
        for _ in 0..<30 { line.append(try line[line.count - 1].next()) }
        for party in line.dropFirst() { try host.bring(party) }
        let identities = host.core.identities
        let statements = try host.core.ledger.blocks.store.read { database in
            var statements = 0
            database.trace { _ in statements += 1 }
            defer { database.trace() }
            let facts = KnownFacts(database: database)
            for party in line {
                let known = try identities.known(party.document, facts)
                #expect(known.successor == (party.cid == line[30].cid ? nil : line[30].cid))
            }
            return statements
        }
        // Four about each, and whether it is known.
        #expect((31...200).contains(statements), "\(statements)")
    }

    @Test("trust in a later identity of a line goes before distrust in an earlier one")
    func nearest() throws {
        let second = try bank.next()
        let third = try second.next()
        try host.bring(second, third)
        try distrust(bank.cid)
        try trust(second.cid, as: "second")
        #expect(try host.show(third.cid).trust == .trusted)
        #expect(try host.show(bank.cid).trust == .distrusted)
        #expect(try host.show("second").cid == third.cid)
    }

    @Test("a document that an older version stored without knowing what it is, is known when it is stored again")
    func older() throws {
        let second = try bank.next()
        try host.core.ledger.blocks.store.write { database in
            try host.core.ledger.blocks.insert(
                second.document.block, second.cid, .block, owner: Owner(uid: 1000, name: "alice"), in: database)
        }
        #expect(code { _ = try host.show(second.cid) } == .dataLoss)
        try host.bring(second)
        #expect(try host.show(bank.cid).successor == second.cid)
        #expect(try host.core.ledger.list(count: 1, cursor: "").items.first?.kind == .identity)
    }
}
