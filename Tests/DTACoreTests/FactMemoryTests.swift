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

/// What is remembered of identities between requests is never older than the last answer.
@Suite("Remembered facts of identities") struct FactMemoryTests {
    let host: Host
    let body = Array("attack at dawn".utf8)

    init() throws {
        host = try Host()
        try host.identity("alice")
        try host.identity("bob", of: bob)
    }

    private var identities: IdentityService { host.core.identities }

    private func seal(_ to: String, from: String = "alice") throws -> CID {
        try host.core.envelopes.seal(alice, sender: from, recipients: [to], data: body, contentType: "text/plain")(
            host.custodian)
    }

    private func cid(_ name: String) throws -> CID { try identities.show(name).identity.cid }

    /// Judges without the database; nil where that is not enough.
    private func remembered(_ cid: CID) -> Standing? {
        try? identities.memory.withRememberedFacts { try IdentityJudge($0).standing(of: cid) }
    }

    @Test("a second seal asks the database nothing about its sender and its recipients")
    func isUsed() throws {
        _ = try seal("bob")
        let people = [try cid("alice"), try cid("bob")]
        #expect(people.map(remembered) == [.current, .current])
        _ = try seal("bob")
        #expect(people.map(remembered) == [.current, .current])
    }

    @Test("a revocation, a rotation and a distrust that come in between are respected by the next request")
    func changesCount() throws {
        let first = try cid("bob")
        _ = try seal("\(first)")
        _ = try identities.rotate(bob, "bob")(host.custodian)
        let error = try refusal { _ = try seal("\(first)") }
        #expect(error.code == .failedPrecondition && error.message.contains("was replaced"), "\(error)")

        let second = try cid("bob")
        _ = try seal("bob")
        _ = try identities.distrust(root, "\(second)")
        #expect(try refusal { _ = try seal("bob") }.message.contains("distrusted"))
        _ = try identities.trust(root, "\(second)", alias: "", url: "")
        _ = try seal("bob")
        _ = try host.revoke("bob", of: bob)
        #expect(try refusal { _ = try seal("bob") }.message.contains("revoked"))
        _ = try host.revoke("alice")
        #expect(try refusal { _ = try seal("bob") }.message.contains("identity \"alice\""))
    }

    @Test("a transaction sees what it changed itself, and nobody does once it was rolled back")
    func transactions() throws {
        let bob = try cid("bob")
        _ = try seal("bob")
        let store = identities.blocks.store
        struct Rollback: Error {}
        #expect(throws: (any Error).self) {
            try store.write { database in
                let before = try identities.standing(bob, in: database)
                #expect(before == .current)
                try database.execute(
                    sql: "INSERT INTO revocations (cid, revokes, at, claim) VALUES (?, ?, 1, 'previous')",
                    arguments: [Data([1]), Data(bob.bytes)])
                let changed = try identities.standing(bob, in: database)
                #expect(changed == .revoked)
                // Others see what was before.
                let seen = Locked<Standing?>(nil)
                let thread = Foundation.Thread { [identities] in
                    let standing = try? identities.standing(bob)
                    seen.withLock { $0 = standing }
                }
                thread.start()
                try eventually("the other thread") { thread.isFinished }
                #expect(seen.withLock { $0 } == .current)
                throw Rollback()
            }
        }
        #expect(try identities.standing(bob) == .current)
        let after = try store.write { try identities.standing(bob, in: $0) }
        #expect(after == .current)
    }

    @Test("a judgement after a change was stored follows it, however many judge at the same time")
    func races() throws {
        let people = try (0..<200).map { number in
            let person = try Stranger("person-\(number)")
            try host.bring(person)
            return person
        }
        let revoked = Locked<Int>(0)
        let wrong = Locked<[String]>([])
        let threads = (0..<3).map { _ in
            Foundation.Thread { [identities] in
                while true {
                    let until = revoked.withLock { $0 }
                    if until == people.count { return }
                    // Those before are revoked for sure; the one after may be at any moment.
                    for index in [max(0, until - 1), until] {
                        let standing = try? identities.standing(people[index].cid)
                        guard index < until, standing != .revoked else { continue }
                        wrong.withLock { $0.append("\(index): \(standing as Any)") }
                    }
                }
            }
        }
        for thread in threads { thread.start() }
        for (index, person) in people.enumerated() {
            try host.bring(person.revocation().block)
            #expect(try identities.standing(person.cid) == .revoked)
            revoked.withLock { $0 = index + 1 }
        }
        try eventually("the judges") { threads.allSatisfy(\.isFinished) }
        #expect(wrong.withLock { $0 } == [])
    }
}
