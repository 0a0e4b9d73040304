import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAIdentities

@Suite struct RecoveryTests {
    @Test(
        "if the HSM goes away while a key is made, the next sweep clears what it left, and the name is free at once")
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

    @Test("if the HSM refuses to make a key, nothing is left to sweep")
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
        #expect(try host.custodian.ask(ListObjects(objectClass: .user)).isEmpty)
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
        try host.custodian.ask(DeleteObject(objectClass: .user, id: key.object))
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

        try host.custodian.ask(DeleteObject(objectClass: .user, id: key.object))
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
        #expect(try host.custodian.ask(ListObjects(objectClass: .user)).map(\.id) == [id])
    }

    @Test("the agent's own identity is made once")
    func agentIdentity() throws {
        let host = try Host()
        let cid = try host.core.identities.show("agent").identity.cid
        try host.core.recover(host.custodian)
        #expect(try host.core.identities.show("agent").identity.cid == cid)
        #expect(try host.custodian.ask(ListObjects(objectClass: .identitySigning)).map(\.owner) == [.agent])
        #expect(code { try host.identity("agent") } == .invalidArgument)
    }
}
