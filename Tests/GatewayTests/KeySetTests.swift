import Crypto
import Foundation
import TestSupport
import Testing

@testable import DTAGateway

/// Which keys of an issuer's set are used, and that those which are not take nobody's access away.
@Suite("Key sets", .ownThread, .serialized)
struct KeySetTests {
    private static let agent = Result { try TestAgent() }

    private static func ed25519(_ key: some Sequence<UInt8>, _ more: String = #","kid":"d""#) -> String {
        #"{"kty":"OKP","crv":"Ed25519","x":"\#(TestIssuer.base64(key))"\#(more)}"#
    }

    private static func fresh(_ more: String) -> String {
        ed25519(Curve25519.Signing.PrivateKey().publicKey.rawRepresentation, more)
    }

    private static func set(_ keys: [String]) -> String { "{\"keys\":[\(keys.joined(separator: ","))]}" }

    private static func read(_ keys: [String]) throws -> KeySet { try KeySet(Array(set(keys).utf8)) }

    /// The eight points of small order, each with both signs, and the encodings of them that are not reduced.
    private static var weak: [[UInt8]] {
        let zeros = [UInt8](repeating: 0, count: 30)
        let ones = [UInt8](repeating: 0xff, count: 30)
        let order8: [[UInt8]] = [
            [
                0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
                0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
            ],
            [
                0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
                0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
            ],
        ]
        let plain = [
            [0] + zeros + [0], [1] + zeros + [0], [0xec] + ones + [0x7f], [0xed] + ones + [0x7f],
            [0xee] + ones + [0x7f],
        ]
        return (plain + order8).flatMap { point in [point, point.dropLast() + [point[31] | 0x80]] }
    }

    @Test("a token cannot be forged under an Ed25519 key of small order, in whatever encoding an issuer lists it")
    func smallOrder() async throws {
        for point in Self.weak {
            let error = #expect(throws: KeySet.Malformed.self, "\(point)") {
                try Self.read([Self.ed25519(point)])
            }
            #expect(error?.reason.contains("key 0 is an ed25519 public key") == true, "\(error?.reason ?? "")")
        }
        let issuer = try TestIssuer()
        let good = Self.ed25519(issuer.ed25519.publicKey.rawRepresentation, #","kid":"good""#)
        let keys = Self.weak.enumerated().map { Self.ed25519($1, #","kid":"w\#($0)""#) } + [good]
        let gateway = try issuer.gateway(for: try Self.agent.get(), keys: Self.set(keys))
        #expect(try gateway.request("/v1/status", bearer(try issuer.token(kid: "good"))).status == 200)
        // The signature that such keys have for every message: the neutral point, and 0.
        for signature in [[1] + [UInt8](repeating: 0, count: 63), [UInt8](repeating: 0, count: 64)] {
            for index in Self.weak.indices {
                let token = try issuer.token(kid: "w\(index)").split(separator: ".")
                let forged = "\(token[0]).\(token[1]).\(TestIssuer.base64(signature))"
                #expect(try gateway.request("/v1/status", bearer(forged)).status == 401, "\(index)")
            }
        }
        #expect(gateway.log.contains("a key of the issuer's is not used"))
    }

    @Test("a signature whose second half is not reduced, or that is not a signature, does not count")
    func signatures() async throws {
        let issuer = try TestIssuer()
        let set = try Self.read([Self.ed25519(issuer.ed25519.publicKey.rawRepresentation)])
        let key = try #require(set.candidates(id: "d", algorithm: .edDSA).first)
        let signature = Array(try issuer.ed25519.signature(for: Array("message".utf8)))
        #expect(key.verifies(signature, of: Array("message".utf8)))
        // RFC 8032 §5.1.7: S and S + L would both fit, if both were read.
        let order: [UInt8] =
            [
                0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
            ] + [UInt8](repeating: 0, count: 15) + [0x10]
        var carry = 0
        let raised = zip(signature[32...], order).map { one, other -> UInt8 in
            let sum = Int(one) + Int(other) + carry
            carry = sum >> 8
            return UInt8(sum & 0xff)
        }
        #expect(!key.verifies(Array(signature[..<32]) + raised, of: Array("message".utf8)))
        for wrong in [[], Array(signature.dropLast()), signature + [0], [UInt8](repeating: 0, count: 64)] {
            #expect(!key.verifies(wrong, of: Array("message".utf8)))
        }
    }

    @Test("keys that are weak, of another kind, or wrong are passed over, each with its reason")
    func reasons() async throws {
        let issuer = try TestIssuer()
        let x = TestIssuer.base64(issuer.ed25519.publicKey.rawRepresentation)
        let point = issuer.p256.publicKey.rawRepresentation
        let (px, py) = (TestIssuer.base64(point.prefix(32)), TestIssuer.base64(point.suffix(32)))
        let n = try issuer.rsaModulus()
        func rsa(_ n: [UInt8], _ e: [UInt8]) -> String {
            #"{"kty":"RSA","n":"\#(TestIssuer.base64(n))","e":"\#(TestIssuer.base64(e))"}"#
        }
        func ec(_ x: String, _ y: String) -> String { #"{"kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)"}"# }
        let zero = TestIssuer.base64([UInt8](repeating: 0, count: 32))
        let cases: [(String, String)] = [
            (#"{"kty":"oct","k":"AAAA"}"#, "of a type"), (#"{"kty":"AKP","alg":"ML-DSA-65","pub":"AA"}"#, "of a type"),
            ("5", "no object"), ("null", "no object"), ("[]", "no object"), ("{}", "of a type"),
            (Self.fresh(#","use":"enc""#), "\"use\""), (Self.fresh(#","key_ops":["sign"]"#), "not to verify"),
            (Self.fresh(#","key_ops":[]"#), "not to verify"), (Self.fresh(#","key_ops":"verify""#), "no list"),
            (Self.fresh(#","key_ops":"sign""#), "no list"), (Self.fresh(#","key_ops":null"#), "no list"),
            (Self.fresh(#","key_ops":{"verify":true}"#), "no list"), (Self.fresh(#","key_ops":7"#), "no list"),
            (Self.fresh(#","key_ops":["verify",7]"#), "no list"),
            (Self.fresh(#","key_ops":["verify",["verify"]]"#), "no list"),
            (Self.fresh(#","key_ops":["verify","verify"]"#), "different texts"),
            (Self.fresh(#","use":null"#), "\"use\""), (Self.fresh(#","use":["sig"]"#), "\"use\""),
            (Self.fresh(#","alg":null"#), "\"alg\""), (Self.fresh(#","alg":["EdDSA"]"#), "\"alg\""),
            (Self.fresh(#","alg":"ES256""#), "\"alg\""), (Self.fresh(#","kid":7"#), "kid that is no text"),
            (Self.fresh(#","kid":null"#), "kid that is no text"), (Self.fresh(#","alg":"Ed448""#), "\"alg\""),
            (Self.fresh(",\"kid\":\"\(String(repeating: "k", count: 7000))\""), "no token can name"),
            (Self.fresh(#","kid":"a","kid":"b""#), "a member twice"),
            (#"{"kty":"OKP","crv":"Ed25519"}"#, "no \"x\""),
            (#"{"kty":"OKP","crv":"Ed25519","x":"\#(x)="}"#, "no \"x\""),
            (#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#, "32 bytes"),
            (Self.ed25519([2] + [UInt8](repeating: 0, count: 31)), "no point of the curve"),
            (ec(px, TestIssuer.base64(point.suffix(32).reversed())), "not an uncompressed point"),
            (ec(zero, zero), "not an uncompressed point"),
            (ec(px, TestIssuer.base64(Array(point.suffix(31)))), "32 bytes"), (ec(px, px), "not an uncompressed point"),
            (rsa(Array(n.prefix(128)), [1, 0, 1]), "1024 bits"),
            (rsa([UInt8](repeating: 0xff, count: 1025), [1, 0, 1]), "8200 bits"), (rsa([], [1, 0, 1]), "0 bits"),
            (rsa(Array(n.dropLast()) + [n[255] & 0xfe], [1, 0, 1]), "even"), (rsa(n, [1]), "exponent"),
            (rsa(n, [0]), "exponent"),
            (rsa(n, [2]), "exponent"), (rsa(n, [1, 0, 0]), "exponent"), (rsa(n, []), "exponent"),
            (rsa(n, [1, 0, 0, 0, 1]), "exponent"),
        ]
        let good = #"{"kty":"EC","crv":"P-256","x":"\#(px)","y":"\#(py)","key_ops":["verify"]}"#
        let set = try Self.read(cases.map(\.0) + [good])
        #expect(set.keys.count == 1 && set.skipped.count == cases.count)
        for (index, (key, reason)) in cases.enumerated() {
            let said = set.skipped.first { $0.place == index }?.reason ?? "nothing"
            #expect(said.contains(reason), "\(key.prefix(80)): \(said)")
        }
        for text in [
            "", "[]", "{}", #"{"keys":[]}"#, #"{"keys":5}"#, #"{"keys":[],"keys":[\#(good)]}"#, Self.set([cases[0].0]),
        ] {
            #expect(throws: KeySet.Malformed.self, "\(text)") { try KeySet(Array(text.utf8)) }
        }
    }

    @Test("a key that an issuer lists twice, and two keys of one name, let their tokens in")
    func repeatedNames() async throws {
        let (old, new) = (try TestIssuer(), try TestIssuer())
        func key(_ issuer: TestIssuer) -> String { Self.ed25519(issuer.ed25519.publicKey.rawRepresentation) }
        for keys in [
            [key(old), key(old)], [key(old), key(new)], [key(new), key(old)],
            [key(old), Self.fresh(#","kid":"x""#), Self.fresh(#","kid":"x""#)],
        ] {
            let gateway = try old.gateway(for: try Self.agent.get(), keys: Self.set(keys))
            #expect(try gateway.request("/v1/status", bearer(try old.token())).status == 200, "\(keys)")
            #expect(try gateway.request("/readyz").status == 200)
            let stranger = try TestIssuer()
            #expect(try gateway.request("/v1/status", bearer(try stranger.token())).status == 401)
        }
        // As many signatures as that are verified for one token, and no more.
        let many = (0..<20).map { _ in Self.fresh(#","kid":"d""#) }
        let set = try Self.read(many)
        #expect(set.candidates(id: "d", algorithm: .edDSA).count == KeySet.limitPerName)
        // The name of one kind of key is no name of another.
        #expect(set.candidates(id: "d", algorithm: .es256).isEmpty)
    }

    @Test("keys whose names Unicode calls equivalent are different keys")
    func equivalentNames() async throws {
        let (composed, decomposed) = ("\u{e9}", "e\u{301}")
        var keys: [String] = []
        for _ in 0..<3 { keys += [composed, decomposed].map { Self.fresh(",\"kid\":\"\($0)\"") } }
        let set = try Self.read(keys)
        #expect(set.skipped.isEmpty && set.keys.count == 6)
        for name in [composed, decomposed] {
            let found = set.candidates(id: name, algorithm: .edDSA)
            #expect(found.count == 3 && found.allSatisfy { $0.isNamed(name) })
        }
    }

    @Test("a token that names no key is let in with each of the first four keys of its algorithm, and with no other")
    func withoutName() async throws {
        let issuer = try TestIssuer()
        func key(_ more: String) -> String { Self.ed25519(issuer.ed25519.publicKey.rawRepresentation, more) }
        let point = issuer.p256.publicKey.rawRepresentation
        let other =
            #"{"kty":"EC","crv":"P-256","x":"\#(TestIssuer.base64(point.prefix(32)))","y":"\#(TestIssuer.base64(point.suffix(32)))"}"#
        let token = try issuer.token(kid: .some(nil))
        let stranger = try TestIssuer().token(kid: .some(nil))
        for (keys, status) in [
            ([key("")], 200), ([key(""), Self.fresh("")], 200), ([Self.fresh(""), key("")], 200),
            ([Self.fresh(#","kid":"old""#), key(#","kid":"new""#)], 200),
            ([other, Self.fresh(""), Self.fresh(""), Self.fresh(""), key("")], 200),
            ([Self.fresh(""), Self.fresh(""), Self.fresh(""), Self.fresh(""), key("")], 401),
        ] {
            let gateway = try issuer.gateway(for: try Self.agent.get(), keys: Self.set(keys))
            #expect(try gateway.request("/v1/status", bearer(token)).status == status, "\(keys)")
            #expect(try gateway.request("/v1/status", bearer(stranger)).status == 401)
        }
        // One key under many names is one key.
        let names = (0..<20).map { key(#","kid":"k\#($0)""#) }
        let set = try Self.read(names + [Self.fresh("")])
        #expect(set.candidates(id: nil, algorithm: .edDSA).map(\.id) == ["k0", nil])
    }

    @Test("the first keys of a long list that can be used are used")
    func manyKeys() async throws {
        let issuer = try TestIssuer()
        let good = Self.ed25519(issuer.ed25519.publicKey.rawRepresentation)
        let unusable = [String](repeating: #"{"kty":"AKP","alg":"ML-DSA-65","pub":"AA"}"#, count: 500)
        let gateway = try issuer.gateway(for: try Self.agent.get(), keys: Self.set(unusable + [good]))
        #expect(try gateway.request("/v1/status", bearer(try issuer.token())).status == 200)
        let usable = (0..<150).map { Self.fresh(#","kid":"k\#($0)""#) }
        let set = try Self.read([good] + usable)
        #expect(set.keys.count == KeySet.limit && set.skipped.count == 51)
        #expect(set.skipped.allSatisfy { $0.reason.contains("comes after \(KeySet.limit) others") })
        #expect(set.candidates(id: "d", algorithm: .edDSA).count == 1)
    }
}
