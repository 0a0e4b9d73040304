import Crypto
import Foundation
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Unwrapping")
struct KeyUnwrappingTests {
    let bob: Person
    let coreHash = [UInt8](repeating: 5, count: 32)
    let contentKey = [UInt8](repeating: 6, count: 32)

    init() throws { bob = try Person("bob") }

    private func wrap() throws -> Envelope.Wrap {
        try EnvelopeSealer.wrap(
            SymmetricKey(data: contentKey), for: bob.document.identity, named: bob.cid, coreHash: coreHash)
    }

    private func unwrap(
        _ wrap: Envelope.Wrap, coreHash: [UInt8]? = nil, recipient: CID? = nil, kem: [UInt8]? = nil,
        seed: [UInt8]? = nil, x25519: (([UInt8]) throws -> [UInt8])? = nil
    ) throws -> [UInt8] {
        try KeyUnwrapping.unwrapContentKey(
            coreHash: coreHash ?? self.coreHash, recipient: recipient ?? bob.cid, enc: wrap.enc, key: wrap.key,
            publicKEM: kem ?? bob.kem, mlkemSeed: seed ?? bob.mlkemSeed, x25519: x25519 ?? bob.sharedSecret)
    }

    @Test("a key that the crypto library's own X-Wing sender sealed is opened with the X25519 half elsewhere")
    func opens() throws {
        for _ in 0..<20 { #expect(try unwrap(wrap()) == contentKey) }
    }

    @Test("one wrap is opened alike by the crypto library's X-Wing key and by the key's two halves")
    func sameAsLibrary() throws {
        // X-Wing expands its seed to the halves by SHAKE-256: here that of the bytes 0 to 31, by Python's hashlib.
        let halves = try bytes(
            """
            69f07c8840ce80024db30939882c3d5bbc9c98b3e31e4513ebd2ca9b4503cdd3c9c90742452c7173d4a75ac49163e14e
            e0cc24ef7035b272d19a7af1099b333f617465d69b5f5b78ae914e4a1b1cecc921f6d5791830ae3f914bee9b0292b288
            """)
        let library = try XWingMLKEM768X25519.PrivateKey(seedRepresentation: Array(0..<32), publicKey: nil)
        let person = try Person(
            "halves", signing: .ed25519(.init()), mlkemSeed: Array(halves[..<64]),
            x25519: .init(rawRepresentation: halves[64...]))
        #expect(Array(library.publicKey.rawRepresentation) == person.kem)
        let wrap = try EnvelopeSealer.wrap(
            SymmetricKey(data: contentKey), for: person.document.identity, named: person.cid, coreHash: coreHash)
        var recipient = try HPKE.Recipient(
            privateKey: library, ciphersuite: .XWingMLKEM768X25519_SHA256_AES_GCM_256,
            info: ContentKeys.wrapInfo(coreHash: coreHash, recipient: person.cid), encapsulatedKey: Data(wrap.enc))
        #expect(Array(try recipient.open(wrap.key)) == contentKey)
        let opened = try KeyUnwrapping.unwrapContentKey(
            coreHash: coreHash, recipient: person.cid, enc: wrap.enc, key: wrap.key, publicKEM: person.kem,
            mlkemSeed: person.mlkemSeed, x25519: person.sharedSecret)
        #expect(opened == contentKey)
    }

    @Test("unwrapping a key asks the token once, for the last 32 bytes of enc")
    func asksOnce() throws {
        let wrap = try wrap()
        var asked: [[UInt8]] = []
        _ = try unwrap(wrap) { ctX in
            asked.append(ctX)
            return try bob.sharedSecret(ctX)
        }
        #expect(asked == [Array(wrap.enc.suffix(32))])
    }

    @Test("a wrap does not open with another envelope's core, another recipient's name, or a flipped bit in enc or key")
    func bound() throws {
        let good = try wrap()
        #expect(refusal { _ = try unwrap(good, coreHash: coreHash.map { $0 ^ 1 }) }.kind == .dataLoss)
        #expect(refusal { _ = try unwrap(good, recipient: Person("x").cid) }.kind == .dataLoss)
        for index in stride(from: 0, to: good.enc.count, by: 53) {
            var enc = good.enc
            enc[index] ^= 0x10
            #expect(refusal("enc \(index)") { _ = try unwrap(.init(enc: enc, key: good.key)) }.kind == .dataLoss)
        }
        for index in good.key.indices {
            var key = good.key
            key[index] ^= 0x10
            #expect(refusal("key \(index)") { _ = try unwrap(.init(enc: good.enc, key: key)) }.kind == .dataLoss)
        }
    }

    @Test("an X25519 secret of zeros, from a point of small order, is refused")
    func smallOrder() throws {
        let error = refusal { _ = try unwrap(wrap()) { _ in [UInt8](repeating: 0, count: 32) } }
        #expect(error.reason.contains("small order"))
    }

    @Test("an X25519 secret of another length is refused, and the token's own error comes through")
    func tokenErrors() throws {
        struct TokenAway: Error {}
        for length in [0, 31, 33] {
            #expect(
                refusal { _ = try unwrap(self.wrap()) { _ in [UInt8](repeating: 1, count: length) } }.kind
                    == .invalidArgument)
        }
        let wrap = try wrap()
        #expect(throws: TokenAway.self) { _ = try unwrap(wrap) { _ in throw TokenAway() } }
    }

    @Test("unwrapping refuses a seed that is not that of the public key before the token is asked")
    func wrongSeed() throws {
        let other = try Person("other")
        let wrap = try wrap()
        var asked = false
        let error = refusal {
            _ = try unwrap(wrap, seed: other.mlkemSeed) { _ in
                asked = true
                return []
            }
        }
        #expect(error.kind == .mismatch && !asked)
        #expect(refusal { _ = try unwrap(wrap, kem: other.kem) }.kind == .mismatch)
    }

    @Test("unwrapping refuses inputs of another length")
    func lengths() throws {
        let good = try wrap()
        for body in [
            { _ = try unwrap(good, coreHash: []) }, { _ = try unwrap(good, kem: []) },
            { _ = try unwrap(good, seed: []) },
            { _ = try unwrap(.init(enc: [], key: good.key)) }, { _ = try unwrap(.init(enc: good.enc, key: [])) },
        ] as [() throws -> Void] {
            #expect(refusal { try body() }.kind == .invalidArgument)
        }
    }
}
