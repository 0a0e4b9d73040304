import Foundation
import TestSupport
import Testing

@testable import DTAFormats

@Suite("RSA keys and their signatures")
struct RSATests {
    static let algorithms: [PublicKey.Algorithm] = [.rsa2048, .rsa3072, .rsa4096]
    static let message = Array("a message\n".utf8)

    /// What OpenSSL made, by the name of the key and of the value.
    private static func vector(_ key: String, _ value: String) throws -> [UInt8] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../vectors/rsa/openssl.txt").standardizedFileURL
        let line = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .first { $0.hasPrefix("\(key) \(value) ") }
        return try bytes(#require(line).dropFirst(key.count + value.count + 2))
    }

    private static func key(_ algorithm: PublicKey.Algorithm) throws -> PublicKey {
        try PublicKey(spkiDER: vector(algorithm.rawValue, "spki"))
    }

    @Test(
        "a signature of openssl's by each scheme is valid, and no other digest, scheme or key fits",
        arguments: algorithms)
    func verification(_ algorithm: PublicKey.Algorithm) throws {
        let key = try RSATests.key(algorithm)
        #expect(key.algorithm == algorithm)
        for scheme in RSAScheme.allCases {
            let signature = try RSATests.vector(algorithm.rawValue, scheme.name)
            let digest = scheme.digest(of: RSATests.message)
            #expect(digest.count == scheme.digestLength)
            #expect(try key.isValid(signature: signature, digest: digest, scheme: scheme), "\(scheme)")
            #expect(try !key.isValid(signature: signature, digest: digest.reversed(), scheme: scheme))
            for other in RSAScheme.allCases where other != scheme {
                let digest = other.digest(of: RSATests.message)
                #expect(try !key.isValid(signature: signature, digest: digest, scheme: other), "\(scheme) as \(other)")
            }
            for index in stride(from: 0, to: signature.count, by: 41) {
                var bad = signature
                bad[index] ^= 1
                #expect(try !key.isValid(signature: bad, digest: digest, scheme: scheme))
            }
            // A number above the modulus.
            let high = [UInt8](repeating: 0xff, count: signature.count)
            #expect(try !key.isValid(signature: high, digest: digest, scheme: scheme))
            for length in [0, 1, 64, signature.count - 1, signature.count + 1] {
                let odd = Array((signature + [0]).prefix(length))
                let error = refusal { _ = try key.isValid(signature: odd, digest: digest, scheme: scheme) }
                #expect(error.kind == .malformed)
            }
            for wrong in [[], Array(digest.dropLast()), digest + [0]] {
                let error = refusal { _ = try key.isValid(signature: signature, digest: wrong, scheme: scheme) }
                #expect(error.kind == .invalidArgument)
            }
        }
    }

    @Test("PSS with a salt of another length is not valid")
    func salt() throws {
        let scheme = RSAScheme.pssSHA256
        let signature = try RSATests.vector("rsa2048", "salt-of-20")
        let digest = scheme.digest(of: RSATests.message)
        #expect(try !RSATests.key(.rsa2048).isValid(signature: signature, digest: digest, scheme: scheme))
    }

    @Test("an RSA key signs by a scheme only, and other keys by none")
    func schemes() throws {
        let key = try RSATests.key(.rsa2048)
        let signature = try RSATests.vector("rsa2048", "pkcs1-sha256")
        let digest = RSAScheme.pkcs1SHA256.digest(of: RSATests.message)
        #expect(refusal { _ = try key.isValid(signature: signature, digest: digest) }.kind == .invalidArgument)
        #expect(
            refusal { _ = try key.isValid(signature: signature, message: RSATests.message) }.kind == .invalidArgument)
        let curve = try PublicKey(spkiDER: bytes(PublicKeyTests.examples[1].spki))
        let error = refusal { _ = try curve.isValid(signature: signature, digest: digest, scheme: .pkcs1SHA256) }
        #expect(error.kind == .invalidArgument)
        #expect(refusal { _ = try ECDSASignature(raw: signature, algorithm: .rsa2048) }.kind == .invalidArgument)
    }

    @Test("an RSA key is read and written as openssl writes it, and for SSH", arguments: algorithms)
    func forms(_ algorithm: PublicKey.Algorithm) throws {
        let der = try RSATests.vector(algorithm.rawValue, "spki")
        let key = try PublicKey(spkiDER: der)
        #expect(key.spkiDER == der)
        #expect(try PublicKey(algorithm, raw: key.raw) == key)
        let modulus = try #require(key.rsaModulus)
        #expect(modulus.count == algorithm.modulusLength)
        #expect(try PublicKey(rsaModulus: [0, 0] + modulus, exponent: [0, 1, 0, 1]) == key)
        let line = try key.openSSH(comment: "alice")
        #expect(line.hasPrefix("ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB"))
        #expect(Array(try key.sshBlob.suffix(modulus.count)) == modulus)
    }

    @Test("SubjectPublicKeyInfo of RSA keys of other sizes, exponents or encodings is refused")
    func badForms() throws {
        for name in ["rsa1024", "exponent3"] {
            let der = try RSATests.vector(name, "spki")
            #expect(refusal { _ = try PublicKey(spkiDER: der) }.kind == .unsupported, "\(name)")
        }
        for algorithm in RSATests.algorithms {
            let key = try RSATests.key(algorithm)
            let der = key.spkiDER
            for bad in [Array(der.dropLast()), der + [0], Array(der.dropFirst()), Array(der.prefix(40))] {
                _ = refusal { _ = try PublicKey(spkiDER: bad) }
            }
            let start = der.count - 5 - (algorithm.modulusLength ?? 0)
            for (index, what) in [
                (start, "a short modulus"), (der.count - 6, "an even one"), (der.count - 1, "another e"),
            ] {
                var bad = der
                bad[index] = 0
                #expect(refusal(what) { _ = try PublicKey(spkiDER: bad) }.kind == .malformed)
            }
            for raw in [[], Array(key.raw.dropLast()), key.raw + [0], [UInt8](repeating: 0, count: key.raw.count)] {
                #expect(refusal { _ = try PublicKey(algorithm, raw: raw) }.kind == .malformed)
            }
            let modulus = try #require(key.rsaModulus)
            for (modulus, exponent) in [
                ([], [1, 0, 1]), (Array(modulus.dropLast()), [1, 0, 1]), (modulus, []), (modulus, [3]),
                (modulus, [1, 0, 1, 0]), ([UInt8](repeating: 0, count: 512), [1, 0, 1]),
            ] as [([UInt8], [UInt8])] {
                _ = refusal { _ = try PublicKey(rsaModulus: modulus, exponent: exponent) }
            }
        }
    }

    @Test("no order has an RSA key")
    func orders() throws {
        let fields = try OrderFields([OrderKind.algorithm: .text("rsa3072")])
        #expect(fields[OrderKind.algorithm]?.text.flatMap(PublicKey.Algorithm.init(rawValue:)) == .rsa3072)
        let zero = try CID(bytes: [1, 0x71, 0x12, 0x20] + [UInt8](repeating: 0, count: 32))
        let terms = try OrderTerms(
            fiduciary: zero, principal: zero, beneficiary: nil, redeemers: [zero], recipient: zero)
        #expect(try Order(kind: OrderKind.sign, terms: terms, fields: fields).algorithm == nil)
    }
}
