import TestSupport
import Testing

@testable import DTAFormats

/// Scalars, points, and the proofs made of them.
@Suite("secp256k1 for orders")
struct Secp256k1Tests {
    private static let order = [UInt8](CurveOrder.secp256k1.bytes)
    private let part1 = CID(hashing: [1], codec: .dagCBOR)

    private func number(_ value: UInt8) -> [UInt8] { [UInt8](repeating: 0, count: 31) + [value] }
    private func scalar(_ value: UInt8) throws -> Secp256k1Scalar { try Secp256k1Scalar(number(value)) }
    private func written(_ scalar: Secp256k1Scalar) -> [UInt8] { scalar.withUnsafeBytes { Array($0) } }

    @Test("zero, the order, all above it and other lengths are no secret keys; 1 and the order - 1 are")
    func range() throws {
        var below = Secp256k1Tests.order
        below[31] -= 1
        for bytes in [number(1), below] { #expect(written(try Secp256k1Scalar(bytes)) == bytes) }
        var above = Secp256k1Tests.order
        above[31] += 1
        let bad = [
            number(0), Secp256k1Tests.order, above, [UInt8](repeating: 0xff, count: 32), [], Array(below.dropLast()),
            below + [0],
        ]
        for bytes in bad {
            let error = #expect(throws: FormatError.self) { try Secp256k1Scalar(bytes) }
            #expect(error?.kind == .malformed)
        }
    }

    @Test("1 and 2 times the generator are those of SEC 2, and only the compressed form is read")
    func points() throws {
        let g = try bytes("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
        #expect(try scalar(1).publicKey.bytes == g)
        #expect(
            try scalar(2).publicKey.description
                == "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5")
        let full = try Secp256k1PublicKey(g).uncompressed
        #expect(try PublicKey(.secp256k1, raw: full).raw == full)
        let notOnCurve: [UInt8] = [2] + number(5)
        let hybrid: [UInt8] = [6] + Array(full.dropFirst())
        let otherPrefix: [UInt8] = [5] + Array(g.dropFirst())
        for bad in [full, hybrid, Array(g.dropLast()), g + [0], otherPrefix, notOnCurve, [], [0]] {
            #expect(refusal { _ = try Secp256k1PublicKey(bad) }.kind == .malformed)
        }
    }

    @Test("the public key of a sum is the sum of the public keys, and what sums up to nothing is refused")
    func sums() throws {
        for _ in 0..<200 {
            let (a, b) = (Secp256k1Scalar.generate(), Secp256k1Scalar.generate())
            #expect(
                try Secp256k1Scalar.sum(a, b).publicKey == Secp256k1PublicKey.sum(a.publicKey, b.publicKey))
        }
        let (one, negative) = (try scalar(1), try Secp256k1Scalar(CurveOrder.secp256k1.negate(number(1))))
        #expect(negative.publicKey == (try one.publicKey.negative))
        #expect(throws: FormatError.self) { try Secp256k1Scalar.sum(one, negative) }
        #expect(throws: FormatError.self) { try Secp256k1PublicKey.sum(one.publicKey, negative.publicKey) }
        #expect(written(try Secp256k1Scalar.sum(one, one)) == number(2))
        #expect(try Secp256k1PublicKey.sum(one.publicKey, one.publicKey) == scalar(2).publicKey)
    }

    @Test("a commitment's proof fits its key and its order, and nothing else")
    func commitment() throws {
        let (secret, other) = (Secp256k1Scalar.generate(), Secp256k1Scalar.generate())
        let proof = try CommitmentProof.make(for: part1, with: secret)
        try CommitmentProof.verify(proof, key: secret.publicKey, order: part1)
        let elsewhere = CID(hashing: [2], codec: .dagCBOR)
        for (proof, key, order) in [
            (proof, other.publicKey, part1), (proof, secret.publicKey, elsewhere),
            (Array(proof.dropLast()), secret.publicKey, part1),
            (proof, try secret.publicKey.negative, part1), ([], secret.publicKey, part1),
        ] {
            let error = #expect(throws: FormatError.self) { try CommitmentProof.verify(proof, key: key, order: order) }
            #expect(error?.kind == .badSignature)
        }
        for index in proof.indices {
            var damaged = proof
            damaged[index] ^= 1
            #expect(throws: FormatError.self) {
                try CommitmentProof.verify(damaged, key: secret.publicKey, order: part1)
            }
        }
    }

    @Test("a wallet's sum is proven by the fiduciary, and both secrets together are its key")
    func wallet() throws {
        let (f, b) = (Secp256k1Scalar.generate(), Secp256k1Scalar.generate())
        let sum = try WalletSum(fiduciary: f.publicKey, beneficiary: b.publicKey)
        let proof = try sum.proof(for: part1, with: f)
        try sum.verify(proof, order: part1)
        #expect(try sum.secret(fiduciary: f, beneficiary: b).publicKey == sum.publicKey)
        // Neither for another order, nor with the parts' roles changed, nor as the proof of a plain commitment.
        #expect(throws: FormatError.self) { try sum.verify(proof, order: CID(hashing: [2], codec: .dagCBOR)) }
        let changed = try WalletSum(fiduciary: b.publicKey, beneficiary: f.publicKey)
        #expect(changed.publicKey == sum.publicKey)
        #expect(throws: FormatError.self) { try changed.verify(proof, order: part1) }
        #expect(throws: FormatError.self) { try CommitmentProof.verify(proof, key: f.publicKey, order: part1) }
        #expect(throws: FormatError.self) {
            try sum.verify(CommitmentProof.make(for: part1, with: f), order: part1)
        }
        #expect(throws: FormatError.self) { try sum.proof(for: part1, with: b) }
        #expect(throws: FormatError.self) { try sum.secret(fiduciary: b, beneficiary: f) }
        #expect(throws: FormatError.self) { try sum.secret(fiduciary: f, beneficiary: .generate()) }
    }

    @Test("a fiduciary cannot choose its part so that the wallet is its own: it has no proof for it")
    func rogueKey() throws {
        let (mine, b) = (Secp256k1Scalar.generate(), Secp256k1Scalar.generate())
        let rogue = try Secp256k1PublicKey.sum(mine.publicKey, b.publicKey.negative)
        let sum = try WalletSum(fiduciary: rogue, beneficiary: b.publicKey)
        #expect(sum.publicKey == mine.publicKey)
        // The secrets that it has are that of the sum, and others: none signs under the rogue key.
        let message = BIP340.taggedHash(
            "dta/wallet/1", rogue.bytes, b.publicKey.bytes, sum.publicKey.bytes, part1.bytes)
        for secret in [mine, .generate()] {
            let proof = try BIP340.sign(message, with: secret)
            let error = #expect(throws: FormatError.self) { try sum.verify(proof, order: part1) }
            #expect(error?.kind == .badSignature)
        }
    }

    @Test("parts of a wallet that cancel out, and equal parts, make none")
    func degenerate() throws {
        let b = Secp256k1Scalar.generate().publicKey
        for f in [try b.negative, b] {
            let error = #expect(throws: FormatError.self) { try WalletSum(fiduciary: f, beneficiary: b) }
            #expect(error?.kind == .mismatch)
        }
    }
}
