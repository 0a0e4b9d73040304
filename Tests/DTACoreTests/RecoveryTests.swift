import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTACore

@Suite struct RecoveryTests {
    /// Runs the acts that have crash points, in a process that dies in one of them.
    private static func act(_ path: String) throws {
        let host = try Host(path)
        let (core, custodian) = (host.core, host.custodian)
        try host.key("made")
        _ = try core.keys.delete(alice, name: "doomed")(custodian)
        try host.identity("made")
        _ = try core.envelopes.seal(alice, sender: "old", recipients: ["old"], data: [1], contentType: "")(custodian)
    }

    @Test(
        "killed between any two steps, an act has left all or nothing after the next start",
        arguments: CrashPoint.allCases)
    func crash(_ point: CrashPoint) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path
        do {
            let before = try Host(path)
            try before.core.recover(before.custodian)
            try before.key("doomed")
            try before.identity("old")
        }
        let name = point.rawValue
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, name = name as String] in
            setenv("DTAD_CRASH_AT", name, 1)
            try RecoveryTests.act(path)
        }
        let host = try Host(path)
        let core = host.core
        try core.recover(host.custodian)
        #expect(!core.needsSweep)

        // All objects on the token are somebody's, and all that is somebody's is on the token.
        let keys = try core.keys.list(root, count: 0, cursor: "").items
        let identities = try core.identities.list(root, count: 0, cursor: "").items
        #expect(try host.custodian.count == keys.count + 2 * identities.count)
        #expect(identities.filter(\.isOwn).count == identities.count)

        // A deletion that was begun is finished; what was told as made is there, what was not is there whole or not.
        let order = CrashPoint.allCases
        func isPast(_ other: CrashPoint) -> Bool { order.firstIndex(of: point)! >= order.firstIndex(of: other)! }
        #expect(keys.contains { $0.name == "made" } == isPast(.keyCreateStored))
        #expect(keys.contains { $0.name == "doomed" } == !isPast(.keyDeleteIntended))
        #expect(identities.contains { $0.name == "made" } == isPast(.identityCreateStored))
        let blocks = try core.ledger.list(count: 0, cursor: "").items
        #expect(blocks.contains { $0.kind == .envelope } == isPast(.envelopeSealStored))
        #expect(blocks.filter { $0.kind == .identity }.count == identities.count)
        for key in keys { _ = try core.keys.sign(alice, name: key.name, data: [1])(host.custodian) }
        for identity in identities where identity.owner != .agent {
            let cid = try core.envelopes.seal(
                alice, sender: identity.name, recipients: ["old"], data: [1], contentType: "")(host.custodian)
            #expect(try core.envelopes.open(alice, envelope: "\(cid)", as: nil)(host.custodian).body == [1])
        }
        // Whatever was undone can be done again.
        if !isPast(.keyCreateStored) { try host.key("made") }
        if !isPast(.identityCreateStored) { try host.identity("made") }
    }

    @Test(
        "where the HSM goes away while a key is made, the next sweep clears what it left, and the name is free at once")
    func failedMaking() throws {
        let host = try Host()
        let objects = try host.custodian.count
        host.custodian.before.withLock { before in
            // It is made, and the answer is lost.
            before = { [custodian = host.custodian] operation in
                guard operation == "generate" else { return }
                try custodian.put(.user, ObjectOwner(uid: 1000), try ObjectID(Array(repeating: 9, count: 16)), [1])
                throw DTAError(.unavailable, "the HSM did not answer in time")
            }
        }
        #expect(code { try host.key("k") } == .unavailable)
        #expect(host.core.needsSweep)
        host.custodian.failNothing()
        try host.key("k")
        try host.core.sweep(host.custodian)
        #expect(!host.core.needsSweep)
        #expect(try host.custodian.count == objects + 2)
    }

    @Test("where the HSM refuses to make a key, nothing is left to sweep")
    func refusedMaking() throws {
        let host = try Host()
        let error = try refusal { try host.key("k", .secp256k1) }
        #expect(error.code == .failedPrecondition && error.message.contains("mechanism"))
        #expect(!host.core.needsSweep)
        try host.key("k")
    }

    @Test("a deletion that the HSM cannot finish takes the key out of use at once, and a sweep finishes it")
    func failedDeletion() throws {
        let host = try Host()
        let key = try host.key("k")
        host.custodian.fail("delete", with: DTAError(.unavailable, "the token is away"))
        let error = try refusal { _ = try host.core.keys.delete(alice, name: "k")(host.custodian) }
        #expect(error.code == .unavailable && error.message.contains("can no longer be used"))
        #expect(host.forgotten.withLock { $0 } == [key.object])
        #expect(code { _ = try host.core.keys.sign(alice, name: "k", data: [1]) } == .notFound)
        #expect(code { try host.core.sweep(host.custodian) } == .unavailable)
        host.custodian.failNothing()
        try host.core.sweep(host.custodian)
        #expect(try host.custodian.list(.user).isEmpty)
        #expect(!host.core.needsSweep)
    }

    @Test("a sweep leaves acts alone that are under way")
    func sweepDuringMaking() throws {
        let host = try Host()
        host.custodian.before.withLock { before in
            before = { [core = host.core, custodian = host.custodian] operation in
                guard operation == "generate" else { return }
                custodian.failNothing()
                try core.sweep(custodian)
            }
        }
        try host.key("k")
        #expect(try host.core.keys.sign(alice, name: "k", data: [1])(host.custodian).count == 64)
    }

    @Test("a key whose object is somebody else's on the token, or not there, is out of use until it fits again")
    func crossCheck() throws {
        let host = try Host()
        let key = try host.key("k")
        let other = try host.key("other")
        try host.custodian.delete(.user, id: key.object)
        try host.core.recover(host.custodian)
        let missing = try refusal { _ = try host.core.keys.sign(alice, name: "k", data: [1]) }
        #expect(missing.code == .dataLoss && missing.message.contains("not on the token"))
        _ = try host.core.keys.sign(alice, name: "other", data: [1])(host.custodian)

        try host.custodian.put(.user, ObjectOwner(uid: 1001), key.object, [2])
        try host.core.recover(host.custodian)
        let foreign = try refusal { _ = try host.core.keys.sign(alice, name: "k", data: [1]) }
        #expect(foreign.code == .dataLoss && foreign.message.contains("uid 1001 on the token"))
        // It can still be seen and deleted.
        #expect(try host.core.keys.show(alice, name: "k").object == key.object)

        try host.custodian.delete(.user, id: key.object)
        try host.custodian.put(.user, ObjectOwner(uid: 1000), key.object, [2])
        try host.core.recover(host.custodian)
        _ = try host.core.keys.sign(alice, name: "k", data: [1])
        withExtendedLifetime(other) {}
    }

    @Test("an object that nobody knows is left on the token")
    func orphans() throws {
        let host = try Host()
        let id = ObjectID.random()
        try host.custodian.put(.user, ObjectOwner(uid: 1000), id, [2])
        try host.core.recover(host.custodian)
        #expect(try host.custodian.list(.user).map(\.id) == [id])
    }

    @Test("the agent's own identity is made once")
    func agentIdentity() throws {
        let host = try Host()
        let cid = try host.core.identities.show("agent").identity.cid
        try host.core.recover(host.custodian)
        #expect(try host.core.identities.show("agent").identity.cid == cid)
        #expect(try host.custodian.list(.identitySigning).map(\.owner) == [.agent])
        #expect(code { try host.identity("agent") } == .invalidArgument)
    }
}
