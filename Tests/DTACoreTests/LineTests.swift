import CustodyProtocol
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

@Suite("Lines of own identities") struct LineTests {
    let host: Host
    let key = OfflineKey()
    let first: KnownIdentity

    init() throws {
        host = try Host(grants: [grant(["unix:user:carol"], identities: ["alice"], ["rotate", "revoke"])])
        first = try host.core.identities.create(alice, name: "alice", recovery: key.fingerprint)(host.custodian)
        try host.identity("bob", of: bob)
    }

    @Test("a rotated identity keeps its name, its owner and its recovery key, and both are known for what they are")
    func rotation() throws {
        let second = try host.rotate("alice")
        #expect(second.name == "alice" && second.previous == first.cid && second.owner == first.owner)
        #expect(second.standing == .current && second.trust == .trusted)
        #expect(try host.core.identities.show("alice").document.identity.recovery == key.fingerprint)
        let old = try host.show(first.cid)
        #expect(old.standing == .rotated(to: second.cid) && old.successor == second.cid && old.isOwn)
        #expect(try host.show("alice").cid == second.cid)
        let names = try host.core.identities.list(alice, count: 0, cursor: "").items.map(\.name)
        #expect(names == ["alice", "bob"])
        #expect(host.core.identities.count == 3)

        let new = OfflineKey()
        try host.rotate("alice", recovery: new.fingerprint)
        #expect(try host.core.identities.show("alice").document.identity.recovery == new.fingerprint)
        #expect(try host.show(first.cid).successor == host.show("alice").cid)
    }

    @Test("old envelopes stay readable after rotations and a restart, by name, and new ones go to the newest")
    func reading() throws {
        let before = try host.seal(from: "bob", to: ["alice"], by: bob)
        try host.rotate("alice")
        let between = try host.seal(from: "bob", to: ["alice"], by: bob)
        try host.rotate("alice")
        let after = try host.seal(from: "bob", to: ["alice"], by: bob)
        for envelope in [before, between, after] {
            for name in ["alice", nil] {
                let opened = try host.core.envelopes.open(alice, envelope: "\(envelope)", as: name)(host.custodian)
                #expect(opened.body == [1, 2, 3])
            }
        }
        #expect(
            try host.core.envelopes.open(alice, envelope: "\(after)", as: "alice")(host.custodian).recipient
                == host.show("alice").cid)
        #expect(
            try host.core.envelopes.open(alice, envelope: "\(before)", as: nil)(host.custodian).recipient
                == first.cid)
        let newest = try host.show("alice").cid
        let again = try Host.restarted(host)
        #expect(try again.show("alice").cid == newest)
        #expect(
            try again.core.envelopes.open(alice, envelope: "\(before)", as: "alice")(again.custodian).body == [1, 2, 3])
        try again.rotate("alice")
    }

    @Test("nothing is sealed to or from an identity that was replaced, and the error names its successor")
    func noAccident() throws {
        let second = try host.rotate("alice")
        for body in [
            { _ = try host.seal(from: "bob", to: ["\(first.cid)"], by: bob) },
            { _ = try host.seal(from: "\(first.cid)", to: ["bob"]) },
        ] {
            let error = try refusal(body)
            #expect(
                error.code == .failedPrecondition && error.message.contains("was replaced by alice (\(second.cid))"))
            #expect(error.hint.contains("\(second.cid)"))
        }
        _ = try host.seal(from: "\(second.cid)", to: ["bob"])
    }

    @Test("only the owner, or who was granted it, rotates and revokes: root may not")
    func permissions() throws {
        for caller in [bob, root] {
            #expect(code { try host.rotate("alice", of: caller) } == .permissionDenied)
            #expect(code { try host.revoke("alice", of: caller) } == .permissionDenied)
            #expect(code { try host.recover("alice", as: "alice", by: caller, with: key) } == .permissionDenied)
        }
        let second = try host.rotate("alice", of: carol)
        #expect(second.owner?.name == "alice")
        try host.revoke("alice", of: carol)
        #expect(try host.show("alice").standing == .revoked)
        for permission in ["rotate", "revoke"] {
            #expect(
                try !host.core.explain(root, subject: "alice", permission: permission, uid: nil).isAllowed)
        }
    }

    @Test("the agent's own identity is neither replaced nor revoked")
    func agent() throws {
        let cid = try host.show("agent").cid
        for subject in ["agent", "\(cid)"] {
            for body in [{ try host.rotate(subject, of: root) }, { _ = try host.revoke(subject, of: root) }]
                as [() throws -> Any]
            {
                let error = try refusal { _ = try body() }
                #expect(error.code == .failedPrecondition && error.message.contains("audit log"))
            }
        }
        #expect(code { try host.recover("agent", as: "mine", with: key) } == .failedPrecondition)
    }

    @Test(
        "a revoked identity sends and gets nothing new, cannot be rotated, recovered or revoked again, and still reads")
    func revocation() throws {
        let before = try host.seal(from: "bob", to: ["alice"], by: bob)
        let revocation = try host.revoke("alice")
        #expect(try host.show("alice").standing == .revoked)
        #expect(try host.core.ledger.list(count: 1, cursor: "").items.first?.kind == .revocation)
        #expect(try host.core.ledger.list(count: 1, cursor: "").items.first?.cid == revocation)
        for body in [
            { _ = try host.seal(from: "bob", to: ["alice"], by: bob) }, { _ = try host.seal(to: ["bob"]) },
            { _ = try host.rotate("alice") }, { _ = try host.revoke("alice") },
            { _ = try host.recover("alice", as: "alice", with: key) },
        ] {
            let error = try refusal(body)
            #expect(error.code == .failedPrecondition && error.message.contains("revoked"), "\(error)")
        }
        #expect(try host.core.envelopes.open(alice, envelope: "\(before)", as: nil)(host.custodian).body == [1, 2, 3])
    }

    @Test("an own identity is recovered under its name, and overrules what a thief made of it")
    func recovery() throws {
        // The thief is whoever could use the key: here a program of the user's own.
        let stolen = try host.rotate("alice")
        let recovered = try host.recover("\(first.cid)", as: "alice", with: key)
        #expect(recovered.name == "alice" && recovered.previous == first.cid && recovered.standing == .current)
        #expect(try host.show(stolen.cid).standing == .rotated(to: recovered.cid))
        #expect(try host.show("alice").cid == recovered.cid)
        let error = try refusal { try host.recover("\(first.cid)", as: "alice", with: key) }
        #expect(error.code == .failedPrecondition && error.message.contains("\(recovered.cid)"))
        // The line goes on from there, and not from what was overruled.
        #expect(code { try host.recover("\(stolen.cid)", as: "alice", with: key) } == .failedPrecondition)
        #expect(code { try host.rotate("\(stolen.cid)") } == .failedPrecondition)
        try host.rotate("alice")
        try host.recover("alice", as: "alice", with: key)
        #expect(try Host.restarted(host).show("alice").cid == host.show("alice").cid)
    }

    @Test("an identity whose host is lost is recovered elsewhere, by its document and its key alone")
    func lostHost() throws {
        let elsewhere = try Host()
        let error = try refusal { try elsewhere.recover("\(first.cid)", as: "alice", by: bob, with: key) }
        #expect(error.code == .notFound)
        try elsewhere.bring(host.core.identities.show("alice").document.block)
        #expect(code { try elsewhere.recover("\(first.cid)", as: "alice", by: bob, with: OfflineKey()) } == .dataLoss)
        let recovered = try elsewhere.recover("\(first.cid)", as: "alice", by: bob, with: key)
        #expect(recovered.owner?.name == "bob" && recovered.previous == first.cid)
        // Where the old keys still are, what replaced them is followed as well.
        try host.bring(elsewhere.core.identities.show("alice").document.block)
        #expect(try host.show("alice").cid == recovered.cid)
        #expect(try host.show("alice").trust == .trusted)
        #expect(code { _ = try host.seal(to: ["bob"]) } == .failedPrecondition)
        #expect(code { try host.rotate("alice") } == .failedPrecondition)
        _ = try host.seal(from: "bob", to: ["alice"], by: bob)
    }

    @Test("a recovery that is not finished leaves neither name nor keys behind, and is nobody else's to finish")
    func drafts() throws {
        let objects = try host.custodian.count
        let draft = try host.core.identities.recover(alice, name: "alice", subject: "alice")(host.custodian)
        #expect(try host.custodian.count == objects + 2)
        #expect(!host.core.needsSweep)
        let signature = try key.sign(SignedBytes.identity, draft.identity.hash)
        let finish = { (caller: Caller, signature: [UInt8]) in
            try host.core.identities.finishRecovery(
                caller, draft: draft.name, key: key.raw, signature: signature)(host.custodian)
        }
        #expect(code { _ = try finish(bob, signature) } == .notFound)
        #expect(code { try host.rotate("alice") } == .failedPrecondition)
        // A draft is used once, also with a signature that does not fit.
        #expect(code { _ = try finish(alice, [UInt8](repeating: 1, count: 64)) } == .dataLoss)
        #expect(code { _ = try finish(alice, signature) } == .notFound)
        #expect(try host.custodian.count == objects)

        _ = try host.core.identities.recover(alice, name: "alice", subject: "alice")(host.custodian)
        #expect(!host.core.needsSweep)
        host.core.identities.dropExpiredDrafts(now: .max)
        #expect(host.core.needsSweep)
        try host.core.sweep(host.custodian)
        #expect(try host.custodian.count == objects)
        try host.recover("alice", as: "alice", with: key)
    }

    @Test("a user that begins a recovery again does not wait for what was left, and the keys of that are swept")
    func beganAgain() throws {
        let objects = try host.custodian.count
        _ = try host.core.identities.recover(alice, name: "alice", subject: "alice")(host.custodian)
        try host.recover("alice", as: "alice", with: key)
        #expect(host.core.needsSweep)
        try host.core.sweep(host.custodian)
        #expect(try host.custodian.count == objects + 2)
        #expect(try host.show("alice").previous == first.cid)
    }

    @Test("a restart drops the recoveries that were not finished")
    func draftsAfterRestart() throws {
        let objects = try host.custodian.count
        _ = try host.core.identities.recover(alice, name: "alice", subject: "alice")(host.custodian)
        let again = try Host.restarted(host)
        try again.core.recover(again.custodian)
        #expect(try again.custodian.count == objects)
        try again.recover("alice", as: "alice", with: key)
    }

    @Test("a user has a few unfinished recoveries at a time")
    func draftLimit() throws {
        for number in 0..<RecoveryDrafts.perUser {
            _ = try host.core.identities.recover(carol, name: "c\(number)", subject: "alice")(host.custodian)
        }
        #expect(
            code { _ = try host.core.identities.recover(carol, name: "c", subject: "alice") } == .resourceExhausted)
        _ = try host.core.identities.recover(alice, name: "alice", subject: "alice")(host.custodian)
    }

    @Test("an identity without a recovery key is not recovered, and a key is named by 32 bytes")
    func noRecovery() throws {
        #expect(code { try host.recover("bob", as: "bob", by: bob, with: key) } == .failedPrecondition)
        #expect(
            code { _ = try host.core.identities.create(alice, name: "x", recovery: [1, 2, 3]) } == .invalidArgument)
    }

    @Test("if the HSM fails a rotation, the old identity is as it was")
    func failedRotation() throws {
        let objects = try host.custodian.count
        for operation in ["createIdentity", "signDocument"] {
            host.custodian.fail(operation, with: DTAError(.internal, "away"))
            #expect(code { try host.rotate("alice") } == .internal)
            host.custodian.failNothing()
        }
        #expect(try host.custodian.count == objects)
        #expect(try host.show("alice").cid == first.cid)
        try host.rotate("alice")
    }

    @Test("identities that were replaced count against the limit, because their keys stay")
    func quota() throws {
        let host = try Host { $0.identitiesPerUser = 2 }
        try host.identity("a")
        try host.rotate("a")
        #expect(code { try host.rotate("a") } == .resourceExhausted)
        #expect(code { try host.identity("b") } == .resourceExhausted)
        #expect(code { try Host.restarted(host) { $0.identitiesPerUser = 2 }.rotate("a") } == .resourceExhausted)
    }

    @Test(
        "an identity's history tells the whole line, oldest first, with what is to be imported elsewhere in that order")
    func history() throws {
        let second = try host.rotate("alice")
        let third = try host.rotate("alice")
        let revocation = try host.revoke("alice")
        for subject in ["alice", "\(first.cid)", "\(second.cid)"] {
            let history = try host.core.identities.history(subject)
            #expect(history.identities.map(\.cid) == [first.cid, second.cid, third.cid])
            #expect(history.identities.map(\.standing.name) == ["rotated", "rotated", "revoked"])
            #expect(history.blocks.map(\.cid) == [first.cid, second.cid, third.cid, revocation])
        }
        let elsewhere = try Host()
        for block in try host.core.identities.history("alice").blocks {
            try elsewhere.bring(host.core.ledger.get("\(block.cid)").bytes)
        }
        #expect(try elsewhere.core.identities.history("\(second.cid)").blocks.map(\.cid).last == revocation)
        #expect(try elsewhere.show(first.cid).standing == .rotated(to: second.cid))
        #expect(try elsewhere.show(third.cid).standing == .revoked)
    }

    @Test("identities of a database from before lines are there afterwards, with their keys")
    func migration() throws {
        let directory = try TemporaryDirectory()
        let document = try host.core.identities.show("bob").document
        let record = try #require(host.core.identities.own(document.cid))
        do {
            let queue = try DatabaseQueue(path: directory.file("state.sqlite"))
            try StoreMigrations.migrator.migrate(queue, upTo: "identities")
            try queue.write { database in
                try database.execute(
                    sql: "INSERT INTO blocks (cid, bytes, size, kind, stored, owner_uid, owner_name) "
                        + "VALUES (?, ?, ?, 'identity', 1, 1001, 'bob')",
                    arguments: [Data(document.cid.bytes), Data(document.block), document.block.count])
                try database.execute(
                    sql: "INSERT INTO documents VALUES (?, 'bob', 1)", arguments: [Data(document.cid.bytes)])
                try database.execute(
                    sql: "INSERT INTO identities VALUES ('bob', 1001, 'bob', ?, ?, ?, ?, ?, 1)",
                    arguments: [
                        Data(document.cid.bytes), Data(record.signingObject.bytes), Data(record.kemObject.bytes),
                        Data(record.publicKEM), Data(record.sealedSeed),
                    ])
            }
        }
        let old = try Host(directory.path)
        #expect(try old.show("bob").cid == document.cid)
        #expect(old.core.identities.own(document.cid)?.sealedSeed == record.sealedSeed)
    }
}
