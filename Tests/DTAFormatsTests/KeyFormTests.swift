import DTABytes
import Foundation
import TestSupport
import Testing

@testable import DTAFormats

@Suite("Public keys for other programs")
struct KeyFormTests {
    private static let modulus =
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        + "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu"
        + "6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8"
        + "awapJzKnqDKgw"

    @Test("the JSON Web Key of an RSA key, and its thumbprint, are those of RFC 7638 3.1")
    func rsa() throws {
        let modulus = try #require(Base64.decode(KeyFormTests.modulus, .url))
        let key = try PublicKey(rsaModulus: modulus, exponent: [1, 0, 1])
        #expect(key.jwkThumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        #expect(
            key.jwk
                == "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"\(KeyFormTests.modulus)\",\"kid\":\"\(key.jwkThumbprint)\"}"
        )
    }

    @Test("the JSON Web Key of an Ed25519 key, and its thumbprint, are those of RFC 8037 A.2 and A.3")
    func ed25519() throws {
        let raw = try bytes("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        let key = try PublicKey(.ed25519, raw: raw)
        let thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        #expect(key.jwk == "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"\(x)\",\"kid\":\"\(thumbprint)\"}")
    }

    @Test(
        "the JSON Web Key of a curve has both coordinates in full length",
        arguments: PublicKeyTests.examples.dropFirst())
    func curves(_ example: PublicKeyTests.Example) throws {
        let key = try PublicKey(spkiDER: bytes(example.spki))
        let members = try #require(JSONSerialization.jsonObject(with: Data(key.jwk.utf8)) as? [String: String])
        let x = try #require(Base64.decode(members["x"] ?? "", .url))
        let y = try #require(Base64.decode(members["y"] ?? "", .url))
        #expect([4] + x + y == key.raw)
        #expect(members["kty"] == "EC")
    }

    @Test("a line of allowed_signers names one principal, and what could name others is refused")
    func allowedSigners() throws {
        let key = try PublicKey(spkiDER: bytes(PublicKeyTests.examples[0].spki))
        let line = try AllowedSigner(principal: "alice@example.org", namespaces: ["git", "file"]).line(key)
        #expect(line.hasPrefix("alice@example.org namespaces=\"git,file\" ssh-ed25519 AAAA"))
        #expect(try AllowedSigner(principal: "alice").line(key) == "alice \(key.openSSH())")
        for bad in ["", "*", "a b", "a,b", "!a", "a?", "a\tb", "a\nb", "\"a", "#a", "a\u{a0}b", "a\u{7f}"] {
            #expect(refusal(bad) { _ = try AllowedSigner(principal: bad) }.kind == .invalidArgument)
            #expect(refusal(bad) { _ = try AllowedSigner(principal: "a", namespaces: [bad]) }.kind == .invalidArgument)
        }
        let coin = try PublicKey(spkiDER: bytes(PublicKeyTests.examples[3].spki))
        #expect(refusal { _ = try AllowedSigner(principal: "a").line(coin) }.kind == .invalidArgument)
    }

    @Test("a PKCS#11 URI escapes what RFC 7512 wants escaped")
    func uris() {
        #expect(PKCS11URI.privateKey(name: "release-1.2_x") == "pkcs11:token=D-TA;object=release-1.2_x;type=private")
        #expect(PKCS11URI.privateKey(name: "k", owner: "bob") == "pkcs11:token=D-TA;object=bob%2Fk;type=private")
        #expect(
            PKCS11URI.privateKey(name: "a;b", owner: "\u{e4}") == "pkcs11:token=D-TA;object=%C3%A4%2Fa%3Bb;type=private"
        )
    }

    @Test("base64url is written without padding, and read again")
    func base64() {
        for size in 0..<40 {
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: 0xfb &- 7 &* $0) }
            let text = Base64.encode(url: bytes)
            #expect(Base64.decode(text, .url) == bytes)
            #expect(!text.contains { "+/=".contains($0) })
        }
    }
}
