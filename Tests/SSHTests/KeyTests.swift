import Crypto
import Foundation
import TestSupport
import Testing

@testable import DTASSH

@Suite("Keys and signatures of SSH", .ownThread)
struct KeyTests {
    @Test(
        "a public key of ssh-keygen is read, written again the same, and has the fingerprint that ssh-keygen shows",
        arguments: KeyGenerator.types)
    func publicKeys(type: String, bits: Int?) throws {
        let generator = try KeyGenerator()
        _ = try generator.make("k", type: type, bits: bits)
        let (key, comment) = try SSHPublicKey.line(generator.text("k.pub").trimmingCharacters(in: .newlines))
        #expect(try key.blob == generator.blob("k.pub"))
        #expect(comment == "k@test")
        let shown = try generator.keygen(["-l", "-f", generator.folder.file("k.pub")])
        #expect(shown.split(separator: " ")[1] == key.fingerprint)
        #expect(try SSHKey(blob: key.blob).plain == key)
    }

    @Test("a signature of ssh-keygen is valid, and one of another message or key is not", arguments: KeyGenerator.types)
    func signatures(type: String, bits: Int?) throws {
        let generator = try KeyGenerator()
        let path = try generator.make("k", type: type, bits: bits)
        _ = try generator.make("other", type: type, bits: bits)
        let message = try generator.folder.write("message", "hello")
        try generator.keygen(["-Y", "sign", "-q", "-f", path, "-n", "file", message])
        let armoured = try ArmouredSignature(generator.text("message.sig"))
        #expect(try armoured.key == generator.publicKey("k"))

        var signed = SSHWriter()
        signed.raw(SSHSignedMessage.magic)
        signed.string("file")
        signed.string("")
        signed.string(armoured.hash)
        signed.string(Array(SHA512.hash(data: Array("hello".utf8))))
        guard case .message(let read) = SSHSignedData(signed.bytes, by: armoured.key) else {
            Issue.record("it is not read as a signed message")
            return
        }
        #expect(read.namespace == "file" && read.hash == .sha512)
        #expect(armoured.signature.isValid(for: signed.bytes, by: armoured.key))
        #expect(!armoured.signature.isValid(for: signed.bytes + [0], by: armoured.key))
        #expect(try !armoured.signature.isValid(for: signed.bytes, by: generator.publicKey("other")))
        #expect(try SSHSignature(armoured.signature.encoded) == armoured.signature)
    }

    @Test(
        "a raw signature is written as SSH wants it, with numbers whose first bit is set or whose first bytes are zero")
    func rawSignatures() throws {
        let private256 = P256.Signing.PrivateKey()
        let key = SSHPublicKey.ecdsa(.nistp256, Array(private256.publicKey.x963Representation))
        for number in 0..<600 {
            let message = Array("message \(number)".utf8)
            let raw = try Array(private256.signature(for: message).rawRepresentation)
            let signature = try SSHSignature(raw: raw, by: key, name: key.typeName)
            #expect(signature.isValid(for: message, by: key), "\(number)")
        }
        #expect(throws: SSHFormatError.self) { try SSHSignature(raw: [1, 2], by: key, name: key.typeName) }
    }

    @Test("what is no key is refused, whatever is wrong with it")
    func badKeys() throws {
        let good = SSHPublicKey.ed25519([UInt8](repeating: 7, count: 32)).blob
        for length in 0..<good.count {
            #expect(throws: SSHFormatError.self) { try SSHPublicKey(blob: Array(good.prefix(length))) }
        }
        #expect(throws: SSHFormatError.self) { try SSHPublicKey(blob: good + [0]) }
        var writer = SSHWriter()
        writer.string("ecdsa-sha2-nistp256")
        writer.string("nistp384")
        writer.string([4] + [UInt8](repeating: 1, count: 64))
        #expect(throws: SSHFormatError.self) { try SSHPublicKey(blob: writer.bytes) }
        // Lengths of four gigabytes.
        #expect(throws: SSHFormatError.self) { try SSHPublicKey(blob: [0xff, 0xff, 0xff, 0xff]) }
        #expect(throws: SSHFormatError.self) { try SSHPublicKey(blob: good.prefix(15) + [0xff, 0xff, 0xff, 0xff, 1]) }
        // Numbers that are negative, zero, or written with zeros that nobody needs.
        for number: [UInt8] in [[], [0x80], [0], [0, 1], [0, 0, 0x80]] {
            var writer = SSHWriter()
            writer.string("ssh-rsa")
            writer.string(number)
            writer.string([UInt8](repeating: 0x41, count: 256))
            #expect(throws: SSHFormatError.self) { try SSHPublicKey(blob: writer.bytes) }
        }
    }

    @Test("SHA-1 is no signature here: ssh-rsa signs and verifies nothing")
    func sha1() throws {
        let generator = try KeyGenerator()
        _ = try generator.make("k", type: "rsa", bits: 2048)
        let key = try generator.publicKey("k")
        #expect(key.typeName == "ssh-rsa" && !key.signatureNames.contains("ssh-rsa"))
        var writer = SSHWriter()
        writer.string("ssh-rsa")
        writer.string([UInt8](repeating: 1, count: 256))
        #expect(try !SSHSignature(writer.bytes).isValid(for: [1], by: key))
    }
}
