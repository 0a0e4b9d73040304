import AgentProtocol
import CPKCS11
import DTAFormats
import Foundation
import TestSupport
import Testing

@testable import DTACryptoki

@Suite("RSA keys by PKCS#11", .ownThread)
struct RSATests {
    /// One agent with a key of each size, for all tests that change nothing.
    private static let shared = Result { try madeAgent() }

    static func madeAgent() throws -> TestAgent {
        let agent = try TestAgent()
        let types: [(String, AgentKeyType)] = [("rsa2048", .rsa2048), ("rsa3072", .rsa3072), ("p256", .p256)]
        for (name, type) in types { _ = try agent.client().call(.createKey(name, type: type), timeout: .seconds(150)) }
        return agent
    }

    private func agent() throws -> TestAgent { try RSATests.shared.get() }

    private func half(_ name: String) throws -> PublicKey {
        try PublicKey(spkiDER: [UInt8](try agent().client().call(.showKey(name)).keys[0].publicKey))
    }

    private static func pss(_ mechanism: UInt, _ hash: HashFunction) -> Mechanism {
        let (digest, mask) =
            switch hash {
            case .sha256: (CKM_SHA256, CKG_MGF1_SHA256)
            case .sha384: (CKM_SHA384, CKG_MGF1_SHA384)
            default: (CKM_SHA512, CKG_MGF1_SHA512)
            }
        return Mechanism(mechanism, .pss(hash: digest, mask: mask, salt: UInt(hash.length)))
    }

    private func signature(
        _ client: RPCClient, _ session: UInt, _ mechanism: Mechanism, _ key: UInt, _ data: [UInt8]
    ) throws -> [UInt8] {
        try client.begin(.signInit, session, mechanism, key)
        guard case .bytes(let bytes) = try client.finish(.sign, session, data) else { throw TestFailure("no bytes") }
        return bytes
    }

    private func verify(
        _ client: RPCClient, _ session: UInt, _ mechanism: Mechanism, _ key: UInt, _ data: [UInt8], _ signature: [UInt8]
    ) throws {
        try client.begin(.verifyInit, session, mechanism, key)
        _ = try client.call(.verify) {
            $0.number(session)
            $0.array(data)
            $0.array(signature)
        }
    }

    @Test("an RSA key is a private and a public object with its modulus and exponent, and no more of it")
    func objects() throws {
        let client = try RPCClient.initialized(try agent())
        let session = try client.openSession()
        #expect(try client.find(session, [Attribute(CKA_KEY_TYPE, .number(CKK_RSA))]).count == 4)
        let modulus = try #require(try half("rsa3072").rsaModulus)
        let key = try client.object(session, CKO_PRIVATE_KEY, "rsa3072")
        let open = try client.object(session, CKO_PUBLIC_KEY, "rsa3072")
        for object in [key, open] {
            #expect(try client.bytes(session, object, CKA_MODULUS) == modulus)
            #expect(try client.bytes(session, object, CKA_PUBLIC_EXPONENT) == [1, 0, 1])
        }
        let bits = try client.attributes(session, open, [CKA_MODULUS_BITS, CKA_VERIFY, CKA_ENCRYPT, CKA_WRAP])
        #expect(bits.values.map(\.value) == [.number(3072), .flag(true), .flag(true), .flag(false)])
        let uses = [CKA_SIGN, CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE, CKA_EXTRACTABLE, CKA_SENSITIVE, CKA_LOCAL]
        #expect(
            try client.attributes(session, key, uses).values.map(\.value)
                == [true, true, false, false, false, true, true].map { .flag($0) })
        for secret in [CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_COEFFICIENT] {
            #expect(try client.attributes(session, key, [secret]).code == CKR_ATTRIBUTE_SENSITIVE)
        }
        #expect(try client.find(session, [Attribute(CKA_MODULUS, .bytes(modulus))]) == [key, open].sorted())
    }

    @Test(
        "RSA signatures of each scheme are valid for the agent's public half, and dta-p11 says so itself",
        arguments: [("rsa2048", UInt8(0)), ("rsa3072", 1)])
    func signatures(name: String, version: UInt8) throws {
        let client = try RPCClient.initialized(try agent(), version: version)
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, name)
        let open = try client.object(session, CKO_PUBLIC_KEY, name)
        let half = try half(name)
        let message = Array("what is signed".utf8)
        let cases: [(HashFunction, UInt, UInt, DTAFormats.RSAScheme, DTAFormats.RSAScheme)] = [
            (.sha256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, .pkcs1SHA256, .pssSHA256),
            (.sha384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, .pkcs1SHA384, .pssSHA384),
            (.sha512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, .pkcs1SHA512, .pssSHA512),
        ]
        for (hash, hashed, hashedPSS, pkcs1, pss) in cases {
            let digest = hash.digest(message)
            let info = pkcs1.digestInfo(digest)
            let ways: [(Mechanism, [UInt8], DTAFormats.RSAScheme)] = [
                (Mechanism(CKM_RSA_PKCS), info, pkcs1), (Mechanism(hashed), message, pkcs1),
                (RSATests.pss(CKM_RSA_PKCS_PSS, hash), digest, pss), (RSATests.pss(hashedPSS, hash), message, pss),
            ]
            for (mechanism, data, scheme) in ways {
                var signed = try signature(client, session, mechanism, key, data)
                #expect(try half.isValid(signature: signed, digest: digest, scheme: scheme))
                try verify(client, session, mechanism, open, data, signed)
                signed[9] ^= 1
                let refused = try client.refusal { try verify(client, session, mechanism, open, data, signed) }
                #expect(refused == CKR_SIGNATURE_INVALID)
            }
            // In parts.
            try client.begin(.signInit, session, Mechanism(hashed), key)
            for part in [message.prefix(5), message.dropFirst(5)] {
                _ = try client.call(.signUpdate) {
                    $0.number(session)
                    $0.array(Array(part))
                }
            }
            var reader = try client.call(.signFinal) {
                $0.number(session)
                $0.number32(512)
            }
            guard case .bytes(let signed) = try RPCClient.output(&reader) else { throw TestFailure("no signature") }
            try verify(client, session, Mechanism(CKM_RSA_PKCS), open, info, signed)
        }
    }

    @Test("an RSA key signs nothing but a well-formed DigestInfo, or by parameters that fit together")
    func refusals() throws {
        let client = try RPCClient.initialized(try agent())
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "rsa2048")
        let curve = try client.object(session, CKO_PRIVATE_KEY, "p256")
        let digest = [UInt8](repeating: 1, count: 32)
        let info = DTAFormats.RSAScheme.pkcs1SHA256.digestInfo(digest)
        func refusal(_ mechanism: Mechanism, _ data: [UInt8]) throws -> UInt {
            try client.refusal { _ = try signature(client, session, mechanism, key, data) }
        }
        let sha1: [UInt8] = [0x30, 0x21, 0x30, 0x09, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 20]
        var longer = info
        longer[1] += 1
        for data in [
            [], digest, Array(info.dropLast()), info + [0], longer, sha1 + [UInt8](repeating: 1, count: 20),
            [UInt8](repeating: 0xff, count: 83),
        ] {
            #expect(try refusal(Mechanism(CKM_RSA_PKCS), data) == CKR_DATA_INVALID)
        }
        #expect(try refusal(Mechanism(CKM_RSA_PKCS), info + [UInt8](repeating: 0, count: 100)) == CKR_DATA_LEN_RANGE)
        #expect(try refusal(Mechanism(CKM_RSA_PKCS, .bytes([1])), info) == CKR_MECHANISM_PARAM_INVALID)
        let wrong: [(UInt, UInt, UInt, UInt)] = [
            // PSS: mechanism, hash, mask, salt.
            (CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA384, 32), (CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 20),
            (CKM_RSA_PKCS_PSS, CKM_SHA_1, CKG_MGF1_SHA1, 20), (CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, .max),
            (CKM_SHA384_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32),
        ]
        for (mechanism, hash, mask, salt) in wrong {
            let padded = Mechanism(mechanism, .pss(hash: hash, mask: mask, salt: salt))
            #expect(try refusal(padded, digest) == CKR_MECHANISM_PARAM_INVALID)
        }
        #expect(try refusal(RSATests.pss(CKM_RSA_PKCS_PSS, .sha384), digest) == CKR_DATA_LEN_RANGE)
        #expect(try refusal(Mechanism(CKM_ECDSA), digest) == CKR_KEY_TYPE_INCONSISTENT)
        #expect(try refusal(Mechanism(CKM_RSA_X_509), digest) == CKR_MECHANISM_INVALID)
        #expect(try refusal(Mechanism(CKM_SHA1_RSA_PKCS), digest) == CKR_MECHANISM_INVALID)
        let other = try client.refusal { try client.begin(.signInit, session, Mechanism(CKM_RSA_PKCS), curve) }
        #expect(other == CKR_KEY_TYPE_INCONSISTENT)
    }

    private static let oaep = Mechanism(
        CKM_RSA_PKCS_OAEP, .oaep(hash: CKM_SHA256, mask: CKG_MGF1_SHA256, source: CKZ_DATA_SPECIFIED, label: [7, 8]))

    @Test("dta-p11 encrypts by OAEP, the agent decrypts, and a length query decrypts nothing")
    func decrypts() throws {
        let agent = try RSATests.madeAgent()
        func records() throws -> Int {
            try agent.client().call(.list(.auditList, count: 1000)).lines.count { $0.contains("\"decrypt\"") }
        }
        let client = try RPCClient.initialized(agent)
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "rsa2048")
        let open = try client.object(session, CKO_PUBLIC_KEY, "rsa2048")
        let limit = 256 - 2 * 32 - 2
        for length in [0, 1, 100, limit] {
            let message = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
            try client.begin(.encryptInit, session, RSATests.oaep, open)
            guard case .bytes(let sealed) = try client.finish(.encrypt, session, message) else {
                throw TestFailure("no ciphertext")
            }
            #expect(sealed.count == 256)
            let before = try records()
            try client.begin(.decryptInit, session, RSATests.oaep, key)
            #expect(try client.finish(.decrypt, session, sealed, room: 0) == .length(UInt32(limit)))
            #expect(try records() == before)
            // There is room enough for this plaintext.
            let room = UInt32(max(length, 1))
            #expect(try client.finish(.decrypt, session, sealed, room: room) == .bytes(message))
            #expect(try records() == before + 1)
            #expect(
                try client.refusal { _ = try client.finish(.decrypt, session, sealed) } == CKR_OPERATION_NOT_INITIALIZED
            )
            // In parts.
            try client.begin(.decryptInit, session, RSATests.oaep, key)
            for part in [sealed.prefix(100), sealed.dropFirst(100)] {
                #expect(try client.finish(.decryptUpdate, session, Array(part)) == .bytes([]))
            }
            var reader = try client.call(.decryptFinal) {
                $0.number(session)
                $0.number32(512)
            }
            #expect(try RPCClient.output(&reader) == .bytes(message))
        }
    }

    @Test("what is no ciphertext for the key is refused, all in the same way, and so is PKCS#1 v1.5")
    func refusedCiphertexts() throws {
        let client = try RPCClient.initialized(try agent())
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "rsa2048")
        let open = try client.object(session, CKO_PUBLIC_KEY, "rsa2048")
        func refusal(_ sealed: [UInt8]) throws -> UInt {
            try client.begin(.decryptInit, session, RSATests.oaep, key)
            return try client.refusal { _ = try client.finish(.decrypt, session, sealed) }
        }
        #expect(try refusal([UInt8](repeating: 1, count: 256)) == CKR_ENCRYPTED_DATA_INVALID)
        #expect(try refusal([UInt8](repeating: 0xff, count: 256)) == CKR_ENCRYPTED_DATA_INVALID)
        #expect(try refusal([1, 2]) == CKR_ENCRYPTED_DATA_LEN_RANGE)
        #expect(try refusal([UInt8](repeating: 1, count: 257)) == CKR_ENCRYPTED_DATA_LEN_RANGE)
        func begin(_ call: RPCCall, _ mechanism: Mechanism, _ key: UInt) throws -> UInt {
            try client.refusal { try client.begin(call, session, mechanism, key) }
        }
        #expect(try begin(.decryptInit, Mechanism(CKM_RSA_PKCS), key) == CKR_MECHANISM_INVALID)
        #expect(try begin(.decryptInit, Mechanism(CKM_RSA_X_509), key) == CKR_MECHANISM_INVALID)
        #expect(try begin(.decryptInit, RSATests.oaep, open) == CKR_KEY_FUNCTION_NOT_PERMITTED)
        for (hash, mask) in [(CKM_SHA_1, CKG_MGF1_SHA1), (CKM_SHA256, CKG_MGF1_SHA1), (CKM_SHA384, CKG_MGF1_SHA384)] {
            let other = Mechanism(CKM_RSA_PKCS_OAEP, .oaep(hash: hash, mask: mask, source: 1, label: []))
            #expect(try begin(.decryptInit, other, key) == CKR_MECHANISM_PARAM_INVALID)
        }
        try client.begin(.encryptInit, session, RSATests.oaep, open)
        let long = [UInt8](repeating: 1, count: 256 - 2 * 32 - 1)
        #expect(try client.refusal { _ = try client.finish(.encrypt, session, long) } == CKR_DATA_LEN_RANGE)
        #expect(try begin(.encryptInit, RSATests.oaep, key) == CKR_KEY_FUNCTION_NOT_PERMITTED)
    }

    @Test("a key pair of 3072 bits is made; of 2048, or with another exponent, none is")
    func makes() throws {
        let agent = try TestAgent()
        let client = try RPCClient.initialized(agent)
        let session = try client.openSession(readWrite: true)
        func make(_ bits: UInt, _ exponent: [UInt8]) throws -> UInt {
            var reader = try client.call(.generateKeyPair) {
                $0.number(session)
                $0.mechanism(Mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN))
                $0.template([
                    Attribute(CKA_MODULUS_BITS, .number(bits)), Attribute(CKA_PUBLIC_EXPONENT, .bytes(exponent)),
                    Attribute(CKA_LABEL, .bytes(Array("made".utf8))),
                ])
                $0.template([Attribute(CKA_SENSITIVE, .flag(true))])
            }
            _ = try reader.number()
            return try reader.number()
        }
        #expect(try client.refusal { _ = try make(2048, [1, 0, 1]) } == CKR_KEY_SIZE_RANGE)
        #expect(try client.refusal { _ = try make(3072, [3]) } == CKR_ATTRIBUTE_VALUE_INVALID)
        let key = try make(3072, [0, 1, 0, 1])
        #expect(try agent.client().call(.showKey("made")).keys[0].type == .rsa3072)
        let info = DTAFormats.RSAScheme.pkcs1SHA256.digestInfo([UInt8](repeating: 1, count: 32))
        #expect(try signature(client, session, Mechanism(CKM_RSA_PKCS), key, info).count == 384)
    }
}
