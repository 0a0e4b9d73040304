import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTAAgent
@testable import DTACore
@testable import DTAIdentities

@Suite struct KeyTests {
    @Test(
        "names that are not 1 to 64 of the allowed characters are refused",
        arguments: [
            "", ".a", "-a", "_a", "a/b", "../a", "a b", "a\0", "a\n", "é", "a\u{301}",
            String(repeating: "a", count: 65),
            String(repeating: "a", count: 300),
        ])
    func badNames(_ name: String) throws {
        let host = try Host()
        let error = try refusal { _ = try host.core.keys.create(alice, name: name, type: .p256) }
        #expect(error.code == .invalidArgument && !error.message.contains("\n") && error.message.utf8.count < 600)
        #expect(code { _ = try host.core.keys.sign(alice, name: name, data: [1]) } == .invalidArgument)
        #expect(code { _ = try host.core.identities.create(alice, name: name) } == .invalidArgument)
    }

    @Test("the name of a key is taken for everybody, by the first")
    func uniqueNames() throws {
        let host = try Host()
        try host.key("release")
        #expect(code { try host.key("release", of: bob) } == .failedPrecondition)
        try host.key("Release", of: bob)
        _ = try host.core.keys.delete(alice, name: "release")(host.custodian)
        try host.key("release", of: bob)
        #expect(try host.core.keys.show(bob, name: "release").owner.uid == 1001)
    }

    @Test("of many users that make a key of one name at once, one does")
    func race() async throws {
        let host = try Host()
        let made = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 { group.addTask { (try? host.key("release")) != nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 1)
        #expect(try host.custodian.ask(ListObjects(objectClass: .user)).count == 1)
        #expect(!host.core.needsSweep)
    }

    @Test("users whose uid is nobody's for long own nothing", arguments: [65_534, UInt32.max, 61_184, 65_519])
    func transientUsers(_ uid: UInt32) throws {
        let host = try Host()
        #expect(code { try host.key("k", of: user("somebody", uid)) } == .failedPrecondition)
        #expect(code { try host.identity("i", of: user("somebody", uid)) } == .failedPrecondition)
        #expect(code { try host.key("k", of: user("", 1234)) } == .failedPrecondition)
    }

    @Test("a user has at most as many keys as the configuration allows")
    func quota() throws {
        let host = try Host { $0.keysPerUser = 2 }
        try host.key("a")
        try host.key("b")
        let error = try refusal { try host.key("c") }
        #expect(error.code == .resourceExhausted && error.hint.contains("keys_per_user"))
        try host.key("c", of: bob)
        _ = try host.core.keys.delete(alice, name: "a")(host.custodian)
        try host.key("d")
    }

    @Test("keys are there after a restart, with all that belongs to them")
    func restart() throws {
        let directory = try TemporaryDirectory()
        let made: KeyRecord
        do {
            let host = try Host(directory.path)
            made = try host.key("release", .ed25519)
        }
        let again = try Host(directory.path)
        try again.core.recover(again.custodian)
        let found = try again.core.keys.show(alice, name: "release")
        #expect(found.type == .ed25519 && found.owner == made.owner && found.publicKey == made.publicKey)
        #expect(found.object == made.object && found.created == made.created)
    }

    @Test("a deleted key is gone everywhere, and every HSM process is told to forget it")
    func deletion() throws {
        let host = try Host()
        let key = try host.key("release")
        let object = try host.core.keys.delete(alice, name: "release")(host.custodian)
        #expect(object == key.object)
        #expect(host.forgotten.withLock { $0 } == [object])
        #expect(try host.custodian.ask(ListObjects(objectClass: .user)).isEmpty)
        #expect(code { _ = try host.core.keys.sign(alice, name: "release", data: [1]) } == .notFound)
        #expect(!host.core.needsSweep)
    }

    @Test("of two users that delete one key, the second is told that it is gone")
    func twoDeletions() throws {
        let host = try Host()
        try host.key("release")
        let (first, second) = (
            try host.core.keys.delete(alice, name: "release"), try host.core.keys.delete(root, name: "release")
        )
        _ = try first(host.custodian)
        #expect(code { _ = try second(host.custodian) } == .notFound)
    }

    @Test(
        "signatures of each type verify, raw and DER, of messages and digests",
        arguments: [KeyType.ed25519, .p256, .p384])
    func signatures(_ type: KeyType) throws {
        let host = try Host()
        let keys = host.core.keys
        try host.key("k", type)
        let message = Array("a message".utf8)
        let raw = try keys.sign(alice, name: "k", data: message)(host.custodian)
        #expect(try keys.verify(alice, name: "k", data: message, signature: raw))
        #expect(try !keys.verify(alice, name: "k", data: message + [0], signature: raw))
        #expect(code { _ = try keys.verify(alice, name: "k", data: message, signature: raw + [0]) } == .invalidArgument)
        #expect(code { _ = try keys.verify(alice, name: "k", data: message, signature: []) } == .invalidArgument)
        guard let digestLength = type.algorithm?.digestLength else {
            #expect(code { _ = try keys.sign(alice, name: "k", data: message, format: .der) } == .invalidArgument)
            #expect(
                code { _ = try keys.sign(alice, name: "k", data: Array(repeating: 1, count: 32), prehashed: true) }
                    == .invalidArgument)
            #expect(
                code { _ = try keys.sign(alice, name: "k", data: Array(repeating: 1, count: 256 << 10 + 1)) }
                    == .invalidArgument)
            return
        }
        let der = try keys.sign(alice, name: "k", data: message, format: .der)(host.custodian)
        #expect(der.first == 0x30)
        #expect(try keys.verify(alice, name: "k", data: message, signature: der, format: .der))
        #expect(code { _ = try keys.verify(alice, name: "k", data: message, signature: der) } == .invalidArgument)
        let digest = PublicKey.input(for: message, algorithm: type.algorithm!)
        #expect(try keys.verify(alice, name: "k", data: digest, prehashed: true, signature: raw))
        for length in [0, 20, digestLength - 1, digestLength + 1, 64] where length != digestLength {
            let wrong = [UInt8](repeating: 1, count: length)
            #expect(code { _ = try keys.sign(alice, name: "k", data: wrong, prehashed: true) } == .invalidArgument)
        }
    }

    @Test("an RSA key signs by a scheme, messages and digests, and other keys refuse one")
    func schemes() throws {
        let host = try Host()
        let keys = host.core.keys
        try host.key("k", .rsa2048)
        try host.key("p", .p256)
        let message = Array("a message".utf8)
        let scheme = RSAScheme.pssSHA256
        let signature = try keys.sign(alice, name: "k", data: message, scheme: scheme)(host.custodian)
        #expect(signature.count == 256)
        #expect(try keys.verify(alice, name: "k", data: message, signature: signature, scheme: scheme))
        #expect(try !keys.verify(alice, name: "k", data: message, signature: signature, scheme: .pkcs1SHA256))
        let digest = scheme.digest(of: message)
        #expect(try keys.verify(alice, name: "k", data: digest, prehashed: true, signature: signature, scheme: scheme))
        let again = try keys.sign(alice, name: "k", data: digest, prehashed: true, scheme: scheme)(host.custodian)
        #expect(try keys.verify(alice, name: "k", data: message, signature: again, scheme: scheme))
        let error = try refusal { _ = try keys.sign(alice, name: "k", data: message) }
        #expect(error.code == .invalidArgument && error.message.contains("which signs by a scheme: none is named"))
        #expect(error.hint.contains("pss-sha256"))
        #expect(code { _ = try keys.sign(alice, name: "p", data: message, scheme: scheme) } == .invalidArgument)
        #expect(
            code { _ = try keys.verify(alice, name: "p", data: message, signature: signature, scheme: scheme) }
                == .invalidArgument)
        #expect(code { _ = try keys.verify(alice, name: "k", data: message, signature: signature) } == .invalidArgument)
        #expect(
            code { _ = try keys.sign(alice, name: "k", data: message, format: .der, scheme: scheme) }
                == .invalidArgument)
        for length in [0, 20, 31, 33, 64] {
            let wrong = [UInt8](repeating: 1, count: length)
            #expect(
                code { _ = try keys.sign(alice, name: "k", data: wrong, prehashed: true, scheme: scheme) }
                    == .invalidArgument)
        }
        for length in [0, 28, 255, 257, 384] {
            let wrong = [UInt8](repeating: 1, count: length)
            #expect(code { _ = try keys.decrypt(alice, name: "k", data: wrong, aad: []) } == .invalidArgument)
        }
        #expect(code { _ = try keys.encrypt(alice, name: "k", data: message, aad: []) } == .invalidArgument)
        #expect(code { _ = try keys.mac(alice, name: "k", data: message) } == .invalidArgument)
    }

    @Test("a key does what its type is for, and the refusal of anything else names who can")
    func wrongTypes() throws {
        let host = try Host()
        let keys = host.core.keys
        try host.key("sign", .p256)
        try host.key("mac", .hmacSHA256)
        try host.key("aes", .aes256)
        #expect(try keys.mac(alice, name: "mac", data: [1, 2])(host.custodian).count == 32)
        let sealed = try keys.encrypt(alice, name: "aes", data: [1, 2], aad: [3])(host.custodian)
        #expect(sealed.count == 30)
        #expect(try keys.decrypt(alice, name: "aes", data: sealed, aad: [3])(host.custodian) == [1, 2])
        let error = try refusal { _ = try keys.sign(alice, name: "aes", data: [1]) }
        #expect(error.code == .invalidArgument && error.message.contains("aes256, which cannot sign"))
        #expect(code { _ = try keys.mac(alice, name: "sign", data: [1]) } == .invalidArgument)
        #expect(code { _ = try keys.encrypt(alice, name: "mac", data: [1], aad: []) } == .invalidArgument)
        #expect(code { _ = try keys.decrypt(alice, name: "aes", data: [1], aad: []) } == .invalidArgument)
        let large = [UInt8](repeating: 0, count: 256 << 10 + 1)
        #expect(code { _ = try keys.mac(alice, name: "mac", data: large) } == .invalidArgument)
        #expect(code { _ = try keys.encrypt(alice, name: "aes", data: large, aad: []) } == .invalidArgument)
        #expect(code { _ = try keys.encrypt(alice, name: "aes", data: [], aad: large) } == .invalidArgument)
        #expect(code { _ = try keys.random(count: 0) } == .invalidArgument)
        #expect(code { _ = try keys.random(count: 65_537) } == .invalidArgument)
        #expect(try keys.random(count: 65_536)(host.custodian).count == 65_536)
    }

    @Test("strangers are refused before they learn of what type a key is")
    func orderOfRefusals() throws {
        let host = try Host()
        try host.key("aes", .aes256)
        #expect(code { _ = try host.core.keys.sign(bob, name: "aes", data: [1]) } == .permissionDenied)
        #expect(code { _ = try host.core.keys.show(bob, name: "aes") } == .permissionDenied)
        #expect(code { _ = try host.core.keys.delete(bob, name: "aes") } == .permissionDenied)
        #expect(code { _ = try host.core.keys.sign(root, name: "aes", data: [1]) } == .permissionDenied)
    }

    @Test("lists of keys show one's own, those that are granted, and to administrators all, page by page")
    func lists() throws {
        let host = try Host(grants: [grant(["unix:user:bob"], keys: ["shared-*"], ["public"])])
        for number in 0..<25 { try host.key("key-\(10 + number)") }
        try host.key("shared-1")
        try host.key("bobs", of: bob)
        func names(_ caller: Caller, _ size: UInt32) throws -> [String] {
            var names: [String] = []
            var cursor = ""
            repeat {
                let page = try host.core.keys.list(caller, count: size, cursor: cursor)
                names += page.items.map(\.name)
                cursor = page.cursor
            } while !cursor.isEmpty
            return names
        }
        #expect(try names(alice, 10).count == 26)
        #expect(try names(alice, 13) == names(alice, 1000))
        #expect(try names(bob, 0) == ["bobs", "shared-1"])
        #expect(try names(root, 7).count == 27)
        #expect(try names(carol, 0).isEmpty)
    }
}
