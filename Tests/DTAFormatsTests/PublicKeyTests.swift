import Crypto
import Foundation
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Public keys")
struct PublicKeyTests {
    /// A key, a message and its signature; all were made with OpenSSL 3.
    struct Example: Sendable, CustomStringConvertible {
        let algorithm: PublicKey.Algorithm
        let spki: String
        let signature: String
        var description: String { algorithm.description }
    }
    static let secp256k1Point = """
        045d41f72547480334215442571f82d28cd463707b57c26a2d86ac180475b2bad3
        2450d12d88b73f0460ba4d0aac1fa2745e03fbbaeb3fcf533b0cd2a54e64dbf6
        """
    static let message = Array("a message\n".utf8)
    static let examples: [Example] = [
        Example(
            algorithm: .ed25519,
            spki: """
                302a300506032b65700321006337782104dddd93272fe73de058d06542213fa1330d5c1df45c7eae9f890ebf
                """,
            signature: """
                82033cd0d7ea0652ea8c01441dd4aa4bdbada78482979733b0afc93c01496819992450095b3f3ea0d92a7ca40bd926b5
                cffc567f06fb6145ebaf90c676997f05
                """),
        Example(
            algorithm: .p256,
            spki: """
                3059301306072a8648ce3d020106082a8648ce3d0301070342000444d6dbb949918e3c56260291e2324589b41562cd12
                a071217fa05ba04d093b32248476967232ad7cd0240406429bc7c72bd69580ecbeca3c12d72966f34e8e9c
                """,
            signature: """
                304402203145432ea37a1611eb1645a6478e57ce7344bd988bd62c44ce430023618d6efc02207c426f91096c053531a1
                4e91a811c2fb1fd031564c7d3fe9b5ef74d617cc5cb8
                """),
        Example(
            algorithm: .p384,
            spki: """
                3076301006072a8648ce3d020106052b8104002203620004e065b1b185c0c1d48c585b3fc53ebc2991eff280600400f1
                da4718730c7f9e1c10d0b086ff740cd3736c8315c89a550aeb30d178a8ed9aaa058bb136d50ec5b0a621c10661362b45
                cda1cfcc2d431fe69ea78015299e64ca99ab6f8a28ed9a12
                """,
            signature: """
                3065023036a088c7c7af599b70741c936c4c115d03238a5a9f841bb83dc436e9c559e2bcfde40d43fbeb6b9e638fe81f
                ec932cb9023100a6777f00d95a59b44786a89b2c599d6586b71e1d973bb265cf2e00e076dd406095295ff4102c3e0245
                64e78908873916
                """),
        Example(
            algorithm: .secp256k1,
            spki: """
                3056301006072a8648ce3d020106052b8104000a034200045d41f72547480334215442571f82d28cd463707b57c26a2d
                86ac180475b2bad32450d12d88b73f0460ba4d0aac1fa2745e03fbbaeb3fcf533b0cd2a54e64dbf6
                """,
            signature: """
                3046022100c1758e0c8f63d215ac9a3de44bb648bb28a2c8bcefaa81d4df8e062e6fca611f022100b0ec10eacb9e5371
                c00e247a7909080e681620a8a76192072b66ea67510186da
                """),
    ]

    /// Those of the examples; RSA has its own suite.
    static let algorithms: [PublicKey.Algorithm] = [.ed25519, .p256, .p384, .secp256k1]

    private func example(_ algorithm: PublicKey.Algorithm) throws -> (key: PublicKey, signature: [UInt8]) {
        let example = try #require(PublicKeyTests.examples.first { $0.algorithm == algorithm })
        let key = try PublicKey(spkiDER: bytes(example.spki))
        let signature = try bytes(example.signature)
        guard algorithm != .ed25519 else { return (key, signature) }
        return (key, try ECDSASignature(der: signature, algorithm: algorithm).raw)
    }

    @Test(
        "a signature of openssl's is valid, and no other message, signature or key fits",
        arguments: algorithms)
    func verification(_ algorithm: PublicKey.Algorithm) throws {
        let (key, signature) = try example(algorithm)
        #expect(key.algorithm == algorithm)
        #expect(try key.isValid(signature: signature, message: PublicKeyTests.message))
        #expect(try !key.isValid(signature: signature, message: PublicKeyTests.message + [0]))
        for index in stride(from: 1, to: signature.count, by: 7) {
            var bad = signature
            bad[index] ^= 1
            #expect(try !key.isValid(signature: bad, message: PublicKeyTests.message))
        }
        for length in [0, 1, signature.count - 1, signature.count + 1] {
            let odd = Array((signature + [0]).prefix(length))
            #expect(
                refusal { _ = try key.isValid(signature: odd, message: PublicKeyTests.message) }.kind == .malformed)
        }
    }

    @Test(
        "ECDSA verifies digests of exactly the right length", arguments: [PublicKey.Algorithm.p256, .p384, .secp256k1])
    func digests(_ algorithm: PublicKey.Algorithm) throws {
        let (key, signature) = try example(algorithm)
        let digest = PublicKey.input(for: PublicKeyTests.message, algorithm: algorithm)
        #expect(digest.count == algorithm.digestLength)
        #expect(try key.isValid(signature: signature, digest: digest))
        #expect(try !key.isValid(signature: signature, digest: digest.reversed()))
        for wrong in [[], digest.dropLast(), digest + [0]] {
            #expect(
                refusal { _ = try key.isValid(signature: signature, digest: Array(wrong)) }.kind == .invalidArgument)
        }
    }

    @Test("Ed25519 takes no digests")
    func noDigests() throws {
        let (key, signature) = try example(.ed25519)
        let digest = [UInt8](repeating: 0, count: 32)
        #expect(refusal { _ = try key.isValid(signature: signature, digest: digest) }.reason.contains("whole messages"))
    }

    @Test("an ECDSA signature is valid with either s", arguments: [PublicKey.Algorithm.p256, .p384, .secp256k1])
    func eitherS(_ algorithm: PublicKey.Algorithm) throws {
        let (key, signature) = try example(algorithm)
        let half = signature.count / 2
        let order = try #require(algorithm.order)
        let other = Array(signature[..<half]) + order.negate(signature[half...])
        #expect(try key.isValid(signature: other, message: PublicKeyTests.message))
    }

    @Test("public keys are written as openssl writes them", arguments: examples)
    func spki(_ example: Example) throws {
        let der = try bytes(example.spki)
        let key = try PublicKey(spkiDER: der)
        #expect(key.spkiDER == der)
        #expect(try PublicKey(key.algorithm, raw: key.raw) == key)
        let lines = key.pem.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first == "-----BEGIN PUBLIC KEY-----")
        #expect(lines.suffix(2) == ["-----END PUBLIC KEY-----", ""])
        #expect(lines.allSatisfy { $0.count <= 64 })
        #expect(Data(base64Encoded: lines.dropFirst().dropLast(2).joined()) == Data(der))
    }

    @Test("SubjectPublicKeyInfo of other keys or in other encodings is refused", arguments: examples)
    func badSPKI(_ example: Example) throws {
        let der = try bytes(example.spki)
        for bad in [[], Array(der.dropLast()), der + [0], Array(der.dropFirst())] {
            _ = refusal { _ = try PublicKey(spkiDER: bad) }
        }
        if example.algorithm != .ed25519 {
            // Off the curve.
            var off = der
            off[der.count - 1] ^= 1
            #expect(refusal { _ = try PublicKey(spkiDER: off) }.kind == .malformed)
        }
    }

    @Test("public keys are written for SSH as its specifications say")
    func openSSH() throws {
        for algorithm in [PublicKey.Algorithm.ed25519, .p256, .p384] {
            let (key, _) = try example(algorithm)
            let line = try key.openSSH(comment: "alice@example")
            let parts = line.split(separator: " ")
            #expect(parts.count == 3)
            let blob = Array(try #require(Data(base64Encoded: String(parts[1]))))
            #expect(blob == (try key.sshBlob))
            #expect(Array(blob[4..<4 + parts[0].utf8.count]) == Array(parts[0].utf8))
            #expect(Array(blob.suffix(key.raw.count)) == key.raw)
            #expect(refusal { _ = try key.openSSH(comment: "two\nlines") }.kind == .invalidArgument)
        }
        let (key, _) = try example(.secp256k1)
        #expect(refusal { _ = try key.openSSH(comment: "") }.reason.contains("secp256k1"))
    }

    @Test("Ed25519 keys of small order and keys that are not reduced are refused")
    func smallOrder() throws {
        let zero = [UInt8](repeating: 0, count: 31)
        for bad in [
            [0] + zero, [1] + zero, zero + [0x80],
            try bytes("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
            try bytes("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
            try bytes("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ] {
            #expect(refusal(hex(bad)) { _ = try PublicKey(.ed25519, raw: bad) }.reason.contains("small order"))
        }
        // From the modulus on, with both signs: 0 and 1, which have small order, and 18, which has not.
        for first: UInt8 in 0xed...0xff {
            for last: UInt8 in [0x7f, 0xff] {
                let unreduced = [first] + [UInt8](repeating: 0xff, count: 30) + [last]
                #expect(refusal(hex(unreduced)) { _ = try PublicKey(.ed25519, raw: unreduced) }.kind == .notCanonical)
            }
        }
    }

    @Test("Ed25519 keys that are no point of the curve are refused, and those that are one are taken")
    func points() throws {
        // By Euler's criterion, computed with Python.
        let none: Set<UInt8> = [2, 7, 8, 11, 12, 13, 17]
        for y: UInt8 in 2..<20 {
            for sign: UInt8 in [0, 0x80] {
                let raw = [y] + [UInt8](repeating: 0, count: 30) + [sign]
                #expect(((try? PublicKey(.ed25519, raw: raw)) == nil) == none.contains(y), "\(y)")
            }
        }
        for _ in 0..<50 {
            let key = Curve25519.Signing.PrivateKey().publicKey
            _ = try PublicKey(.ed25519, raw: Array(key.rawRepresentation))
        }
    }

    @Test("raw public keys of another length or form are refused", arguments: algorithms)
    func rawKeys(_ algorithm: PublicKey.Algorithm) throws {
        let (key, _) = try example(algorithm)
        for bad in [[], Array(key.raw.dropLast()), key.raw + [0], [UInt8](repeating: 0, count: key.raw.count)] {
            _ = refusal("\(bad.count) bytes") { _ = try PublicKey(algorithm, raw: bad) }
        }
        if algorithm != .ed25519 {
            // Compressed and hybrid forms.
            for tag in [UInt8(2), 3, 6, 7] {
                _ = refusal { _ = try PublicKey(algorithm, raw: [tag] + key.raw.dropFirst()) }
                _ = refusal { _ = try PublicKey(algorithm, raw: [tag] + key.raw.dropFirst().prefix(key.raw.count / 2)) }
            }
        }
    }
}
