import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import TestSupport
import Testing

@testable import DTACore

@Suite("Keys that users import")
struct KeyImportTests {
    private let nonce = [UInt8](repeating: 1, count: 32)

    private func secret(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 32) }

    private func wrapped(
        _ secret: [UInt8], _ begun: (object: ObjectID, offer: ImportOffer), of caller: Caller
    ) throws -> [UInt8] {
        let place = try KeyWrapping(.p256, owner: caller.uid, object: begun.object.bytes)
        return try place.wrap(TransportedKey(.p256, Secret(copying: secret.span)), to: begun.offer.wrappingKey)
    }

    @discardableResult
    private func take(_ secret: [UInt8], _ name: String, _ caller: Caller, _ host: Host) throws -> KeyRecord {
        let keys = host.core.keys
        let begun = try keys.beginImport(caller, name: name, type: .p256, nonce: nonce)(host.custodian)
        return try keys.finishImport(
            caller, name: name, type: .p256, object: begun.object.text, wrapped: wrapped(secret, begun, of: caller))(
                host.custodian)
    }

    @Test("an imported key signs, is marked for ever, and made ones are not")
    func marked() throws {
        let host = try Host()
        try host.key("made")
        let key = try take(secret(1), "old", alice, host)
        #expect(key.isImported && key.owner.isSame(as: alice))
        let signature = try host.core.keys.sign(alice, name: "old", data: [1])(host.custodian)
        #expect(try host.core.keys.verify(alice, name: "old", data: [1], signature: signature))
        let again = try KeyService(
            store: host.core.keys.store, intents: host.core.keys.intents, policy: host.core.keys.policy, keysPerUser: 9,
            logger: host.core.keys.logger, forget: { _ in })
        #expect(try again.show(alice, name: "old").isImported)
        #expect(try !again.show(alice, name: "made").isImported)
    }

    @Test("a duplicate is told among one's own keys only, and leaves nothing")
    func duplicates() throws {
        let host = try Host()
        try take(secret(1), "one", alice, host)
        let before = try host.custodian.count
        let error = try refusal { try take(secret(1), "two", alice, host) }
        #expect(error.code == .failedPrecondition && error.message.contains("it is \"one\""), "\(error)")
        #expect(try host.custodian.count == before)
        #expect(host.core.keys.resource("two") == nil)
        // The name is free again.
        try take(secret(2), "two", alice, host)
        try take(secret(1), "bobs", bob, host)
        #expect(
            try host.core.keys.show(bob, name: "bobs").publicKey == host.core.keys.show(alice, name: "one").publicKey)
    }

    @Test("an import names an object that was begun for it, and can undo no other")
    func objects() throws {
        let host = try Host()
        let keys = host.core.keys
        let made = try host.key("made")
        let begun = try keys.beginImport(alice, name: "k", type: .p256, nonce: nonce)(host.custodian)
        let bytes = try wrapped(secret(1), begun, of: alice)
        func refused(_ caller: Caller, _ name: String, _ type: KeyType, _ object: String) throws {
            let error = try refusal {
                _ = try keys.finishImport(caller, name: name, type: type, object: object, wrapped: bytes)(
                    host.custodian)
            }
            #expect([.failedPrecondition, .invalidArgument].contains(error.code), "\(error)")
        }
        // The object of another key, an unknown one, and none.
        for object in [made.object.text, ObjectID.random().text, "", "zz", String(repeating: "0", count: 34)] {
            try refused(alice, "k", .p256, object)
        }
        _ = try keys.sign(alice, name: "made", data: [1])(host.custodian)
        // Another user cannot even use it up; with another name or type it is used up.
        try refused(bob, "k", .p256, begun.object.text)
        let taken = try keys.finishImport(
            alice, name: "k", type: .p256, object: begun.object.text, wrapped: bytes)(host.custodian)
        _ = try keys.delete(alice, name: taken.name)(host.custodian)
        for (name, type) in [("l", KeyType.p256), ("k", .p384)] {
            let begun = try keys.beginImport(alice, name: "k", type: .p256, nonce: nonce)(host.custodian)
            try refused(alice, name, type, begun.object.text)
            try refused(alice, "k", .p256, begun.object.text)
        }
        #expect(code { _ = try keys.beginImport(alice, name: "k", type: .p256, nonce: [1]) } == .invalidArgument)
        #expect(
            code { _ = try keys.beginImport(alice, name: "made", type: .p256, nonce: nonce) } == .failedPrecondition)
        #expect(code { _ = try keys.beginImport(alice, name: "a/b", type: .p256, nonce: nonce) } == .invalidArgument)
        let large = [UInt8](repeating: 0, count: KeyWrapping.wrappedLimit + 1)
        #expect(
            code {
                _ = try keys.finishImport(alice, name: "k", type: .p256, object: begun.object.text, wrapped: large)
            } == .invalidArgument)
    }

    @Test("a user who begins imports and ends none is stopped at eight, and others are not")
    func flood() throws {
        let host = try Host()
        let keys = host.core.keys
        func begin(_ caller: Caller) throws {
            _ = try keys.beginImport(caller, name: "k", type: .p256, nonce: nonce)(host.custodian)
        }
        for _ in 0..<8 { try begin(alice) }
        #expect(code { try begin(alice) } == .resourceExhausted)
        try begin(bob)
        try take(secret(1), "bobs", bob, host)
        // One that the HSM does not begin counts for nothing.
        host.custodian.fail("beginImport", with: DTAError(.unavailable, "away"))
        for _ in 0..<20 { #expect(code { try begin(carol) } == .unavailable) }
        host.custodian.failNothing()
        try take(secret(2), "carols", carol, host)
    }

    @Test("an import that the HSM refuses leaves no row, no name and no object")
    func failure() throws {
        let host = try Host()
        host.custodian.fail("importKey", with: DTAError(.failedPrecondition, "the token takes none"))
        #expect(code { try take(secret(1), "k", alice, host) } == .failedPrecondition)
        host.custodian.failNothing()
        try take(secret(1), "k", alice, host)
        #expect(!host.core.needsSweep)
    }

    @Test("a grant covers imported keys unless it says otherwise, and the policy says why")
    func grants() throws {
        let host = try Host(grants: [
            grant(["unix:user:bob"], keys: ["k*"], ["sign"], imported: false),
            grant(["unix:user:carol"], keys: ["k*"], ["sign"]),
        ])
        try take(secret(1), "k1", alice, host)
        try host.key("k2")
        let keys = host.core.keys
        _ = try keys.sign(carol, name: "k1", data: [1])(host.custodian)
        _ = try keys.sign(bob, name: "k2", data: [1])(host.custodian)
        #expect(code { _ = try keys.sign(bob, name: "k1", data: [1]) } == .permissionDenied)
        let resource = try #require(keys.resource("k1"))
        let decision = keys.policy.current.explain(bob, .sign, resource)
        #expect(!decision.isAllowed)
        #expect(decision.reasons.contains { $0.contains("was imported") }, "\(decision.reasons)")
        #expect(decision.reasons.contains { $0.contains("covers no imported keys") }, "\(decision.reasons)")
        let made = keys.policy.current.explain(bob, .sign, try #require(keys.resource("k2")))
        #expect(made.isAllowed && !made.reasons.contains { $0.contains("imported") })
    }
}
