import Crypto
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Safeguarded secrets: HPKE with DHKEM(secp256k1, HKDF-SHA256)")
struct SafeguardTests {
    private let part2 = CID(hashing: [2], codec: .dagCBOR)

    private func raw(_ key: SymmetricKey) -> String { hex(key.withUnsafeBytes { Array($0) }) }

    /// DeriveKeyPair (RFC 9180 §7.1.3), which vectors are made with and nothing else here.
    private func derive(_ ikm: String) throws -> Secp256k1Scalar {
        let suite = DHKEMSecp256k1.suite
        let key = suite.extract(salt: nil, "dkp_prk", SymmetricKey(data: try bytes(ikm)))
        return try Secp256k1Scalar(suite.expand(key, "candidate", [0], count: 32))
    }

    @Test("key pairs, encapsulation and the shared secret on both sides are those of the draft's vectors")
    func kem() throws {
        let file = try PublishedVectors.hpke()
        let vectors = file.vectors + file.kem
        #expect(vectors.count == 9)
        for vector in vectors {
            let (sender, recipient) = (try derive(vector.ikmE), try derive(vector.ikmR))
            #expect(hex(sender.withUnsafeBytes { Array($0) }) == vector.skEm)
            #expect(hex(recipient.withUnsafeBytes { Array($0) }) == vector.skRm)
            #expect(hex(try recipient.publicKey.uncompressed) == vector.pkRm)
            let (shared, enc) = try DHKEMSecp256k1.encapsulate(to: recipient.publicKey, ephemeral: sender)
            #expect(hex(enc) == vector.pkEm)
            #expect(raw(shared) == vector.sharedSecret)
            #expect(raw(try DHKEMSecp256k1.decapsulate(enc, with: recipient)) == vector.sharedSecret)
        }
    }

    @Test("key, nonce and exporter secret of the key schedule are those of the draft's vectors for AES-256-GCM")
    func schedule() throws {
        let vectors = try PublishedVectors.hpke().vectors
        #expect(vectors.count == 3)
        for vector in vectors {
            let shared = SymmetricKey(data: try bytes(vector.sharedSecret))
            let schedule = HPKEKeySchedule(shared, info: try bytes(try #require(vector.info)))
            #expect(raw(schedule.key) == vector.key)
            #expect(hex(schedule.baseNonce) == vector.baseNonce)
            #expect(raw(schedule.exporterSecret) == vector.exporterSecret)
        }
    }

    @Test(
        "a secret that is sealed to a commitment opens with the commitment's own, whatever its length, and sealing twice gives two results"
    )
    func roundTrip() throws {
        let secret = Secp256k1Scalar.generate()
        for count in [0, 1, 15, 16, 17, 1000, 64 << 10] {
            let plaintext = [UInt8](repeating: 7, count: count)
            let sealed = try SafeguardCipher.seal(plaintext, to: secret.publicKey, commitment: part2)
            #expect(sealed.count == count + SafeguardCipher.overhead)
            #expect(try SafeguardCipher.open(sealed, with: secret, commitment: part2).array == plaintext)
            #expect(try SafeguardCipher.seal(plaintext, to: secret.publicKey, commitment: part2) != sealed)
        }
    }

    @Test("no safeguarded secret opens that is damaged, cut, for another order, or with another secret")
    func refusals() throws {
        let secret = Secp256k1Scalar.generate()
        let sealed = try SafeguardCipher.seal(Array("seed words".utf8), to: secret.publicKey, commitment: part2)
        func isRefused(_ sealed: [UInt8], _ secret: Secp256k1Scalar, _ cid: CID, _ what: String) {
            let error = refusal(what) { _ = try SafeguardCipher.open(sealed, with: secret, commitment: cid) }
            #expect(error.kind == .dataLoss, "\(what)")
        }
        for index in sealed.indices {
            var damaged = sealed
            damaged[index] ^= 0x80
            isRefused(damaged, secret, part2, "byte \(index)")
        }
        for count in [0, 1, 64, 65, SafeguardCipher.overhead - 1, sealed.count - 1] {
            isRefused(Array(sealed.prefix(count)), secret, part2, "\(count) bytes")
        }
        isRefused(sealed + [0], secret, part2, "a byte more")
        isRefused(sealed, .generate(), part2, "another secret")
        isRefused(sealed, secret, CID(hashing: [3], codec: .dagCBOR), "another commitment")
        // The same point in the hybrid form, which some decoders read.
        let hybrid: [UInt8] = [6 + (sealed[64] & 1)] + Array(sealed.dropFirst())
        isRefused(hybrid, secret, part2, "hybrid")
    }
}
