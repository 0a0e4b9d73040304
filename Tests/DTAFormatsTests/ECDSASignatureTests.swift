import TestSupport
import Testing

@testable import DTAFormats

@Suite("ECDSA signatures")
struct ECDSASignatureTests {
    static let curves: [PublicKey.Algorithm] = [.p256, .p384, .secp256k1]

    @Test("the raw and DER forms of an ECDSA signature lead to each other", arguments: curves)
    func roundTrip(_ algorithm: PublicKey.Algorithm) throws {
        var random = SeededGenerator()
        let size = try #require(algorithm.order).bytes.count
        for _ in 0..<300 {
            // Small numbers too, whose zeros DER drops.
            let halves = (0..<2).map { _ in
                let zeros = Int.random(in: 1..<size, using: &random)
                return [UInt8](repeating: 0, count: zeros) + random.bytes(size - zeros - 1) + [1]
            }
            let signature = try ECDSASignature(raw: halves[0] + halves[1], algorithm: algorithm)
            #expect(try ECDSASignature(der: signature.der, algorithm: algorithm) == signature, "seed \(random.seed)")
        }
    }

    @Test("lowS is the lower of the two values of s in an ECDSA signature", arguments: curves)
    func low(_ algorithm: PublicKey.Algorithm) throws {
        let order = try #require(algorithm.order)
        let one = [UInt8](repeating: 0, count: order.bytes.count - 1) + [1]
        let small = try ECDSASignature(raw: one + one, algorithm: algorithm)
        let large = try ECDSASignature(raw: one + order.negate(one), algorithm: algorithm)
        #expect(small.isLowS && !large.isLowS)
        #expect(large.lowS == small && small.lowS == small)
        // (n − 1) / 2 is the largest low s, and (n + 1) / 2 the smallest high one.
        var half = order.negate(one)
        var carry: UInt8 = 0
        for index in half.indices { (half[index], carry) = (half[index] >> 1 | carry << 7, half[index] & 1) }
        #expect(try ECDSASignature(raw: one + half, algorithm: algorithm).isLowS)
        #expect(try !ECDSASignature(raw: one + order.negate(half), algorithm: algorithm).isLowS)
    }

    @Test("halves of an ECDSA signature that are 0, the order or above it are refused", arguments: curves)
    func range(_ algorithm: PublicKey.Algorithm) throws {
        let order = try #require(algorithm.order)
        let one = [UInt8](repeating: 0, count: order.bytes.count - 1) + [1]
        let zero = [UInt8](repeating: 0, count: order.bytes.count)
        let ones = [UInt8](repeating: 0xff, count: order.bytes.count)
        for bad in [zero, order.bytes, ones] {
            _ = refusal { _ = try ECDSASignature(raw: one + bad, algorithm: algorithm) }
            _ = refusal { _ = try ECDSASignature(raw: bad + one, algorithm: algorithm) }
        }
    }

    @Test(
        "DER that is not minimal, or not exactly one ECDSA signature, is refused",
        arguments: [
            "", "30", "3000", "3003020101", "300602010102010100", "30060201010201", "3007020101020101",
            "30070202000102010130", "3007020200010201 01", "3006020181020101", "3006020101020181", "300502000201 01",
            "30810602010102 0101", "3080020101020101 0000", "310602010102 0101", "3006030101020101",
            "30060201010401 01",
            "300602010002 0101", "3006020101020100", "30060205010201 01",
            "3026 0221 01 0000000000000000000000000000000000000000000000000000000000000000 020101",
        ])
    func badDER(_ encoded: String) throws {
        let der = try bytes(encoded)
        _ = refusal(encoded) { _ = try ECDSASignature(der: der, algorithm: .p256) }
    }

    @Test("Ed25519 signatures are not ECDSA")
    func notECDSA() {
        let raw = [UInt8](repeating: 1, count: 64)
        #expect(refusal { _ = try ECDSASignature(raw: raw, algorithm: .ed25519) }.kind == .invalidArgument)
    }
}
