import AgentProtocol
import CPKCS11
import Crypto
import DTABytes
import Foundation
import TestSupport
import Testing

@testable import DTACryptoki

@Suite("ECDH by PKCS#11", .ownThread)
struct AgreementTests {
    private let agent: TestAgent
    private let client: RPCClient

    init() throws {
        agent = try TestAgent()
        for (name, type) in [("mail", AgentKeyType.p256Ecdh), ("mail384", .p384Ecdh), ("signs", .p256)] {
            _ = try agent.client().call(.createKey(name, type: type), timeout: .seconds(120))
        }
        client = try RPCClient.initialized(agent)
    }

    private let template = [
        Attribute(CKA_CLASS, .number(CKO_SECRET_KEY)), Attribute(CKA_KEY_TYPE, .number(CKK_GENERIC_SECRET)),
        Attribute(CKA_SENSITIVE, .flag(false)), Attribute(CKA_EXTRACTABLE, .flag(true)),
    ]

    private func derive(
        _ session: UInt, _ key: UInt, _ point: [UInt8], kdf: UInt = CKD_NULL, shared: [UInt8] = [],
        more: [Attribute] = []
    ) throws -> UInt {
        var reader = try client.call(.deriveKey) {
            $0.number(session)
            $0.mechanism(Mechanism(CKM_ECDH1_DERIVE, .ecdh(kdf: kdf, shared: shared, point: point)))
            $0.number(key)
            $0.template(template + more)
        }
        return try reader.number()
    }

    private func point(_ session: UInt, _ name: String) throws -> [UInt8] {
        let open = try client.object(session, CKO_PUBLIC_KEY, name)
        let value = try client.bytes(session, open, CKA_EC_POINT)
        return Array(value.dropFirst(2))
    }

    private func records(_ operation: String) throws -> Int {
        try agent.client().call(.list(.auditList, count: 1000)).lines.count { $0.contains("\"\(operation)\"") }
    }

    @Test("both sides have the same secret, which is an object of the session and gone with it")
    func agrees() throws {
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "mail")
        let uses = try client.attributes(session, key, [CKA_DERIVE, CKA_SIGN, CKA_DECRYPT, CKA_EXTRACTABLE])
        #expect(uses.values.map(\.value) == [true, false, false, false].map { .flag($0) })
        let other = P256.KeyAgreement.PrivateKey()
        let own = try P256.KeyAgreement.PublicKey(x963Representation: point(session, "mail"))
        let expected = try other.sharedSecretFromKeyAgreement(with: own).withUnsafeBytes { Array($0) }
        let peer = Array(other.publicKey.x963Representation)
        let label = Attribute(CKA_LABEL, .bytes(Array("shared".utf8)))
        let objects = try client.find(session, []).count
        var made: [UInt] = []
        for form in [peer, [4, 65] + peer] {
            let secret = try derive(session, key, form, more: [label, Attribute(CKA_VALUE_LEN, .number(32))])
            #expect(try client.bytes(session, secret, CKA_VALUE) == expected)
            made.append(secret)
        }
        #expect(try records("agree") == 2)
        #expect(try client.find(session, []).count == objects + 2)
        #expect(try client.find(session, [label]) == made)
        let flags = try client.attributes(session, made[0], [CKA_TOKEN, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_VALUE_LEN])
        #expect(flags.values.map(\.value) == [.flag(false), .flag(false), .flag(true), .number(32)])
        // Also in a session that only reads.
        _ = try client.call(.destroyObject) {
            $0.number(session)
            $0.number(made[0])
        }
        #expect(try client.find(session, [label]) == [made[1]])
        let second = try client.openSession()
        _ = try client.call(.closeSession) { $0.number(session) }
        #expect(try client.refusal { _ = try client.bytes(second, made[1], CKA_VALUE) } == CKR_OBJECT_HANDLE_INVALID)
        #expect(try client.find(second, []).count == objects)
    }

    @Test("a P-384 key agrees, too, and a key pair can be made for it")
    func p384() throws {
        let session = try client.openSession(readWrite: true)
        let other = P384.KeyAgreement.PrivateKey()
        let own = try P384.KeyAgreement.PublicKey(x963Representation: point(session, "mail384"))
        let expected = try other.sharedSecretFromKeyAgreement(with: own).withUnsafeBytes { Array($0) }
        let key = try client.object(session, CKO_PRIVATE_KEY, "mail384")
        let secret = try derive(session, key, Array(other.publicKey.x963Representation))
        #expect(try client.bytes(session, secret, CKA_VALUE) == expected)
        func make(_ name: String, _ secret: [Attribute]) throws -> AgentKeyType {
            let label = Attribute(CKA_LABEL, .bytes(Array(name.utf8)))
            _ = try client.call(.generateKeyPair) {
                $0.number(session)
                $0.mechanism(Mechanism(CKM_EC_KEY_PAIR_GEN))
                $0.template([Attribute(CKA_EC_PARAMS, .bytes(Curve.p256.parameters)), label])
                $0.template(secret)
            }
            return try agent.client().call(.showKey(name)).keys[0].type
        }
        #expect(try make("derives", [Attribute(CKA_DERIVE, .flag(true))]) == .p256Ecdh)
        #expect(try make("both", [Attribute(CKA_DERIVE, .flag(true)), Attribute(CKA_SIGN, .flag(true))]) == .p256)
        #expect(try make("neither", []) == .p256)
    }

    @Test(
        "what CMS asks for is derived by X9.63, as OpenSSL derives it",
        arguments: [
            (CKD_SHA1_KDF, "SHA1"), (CKD_SHA224_KDF, "SHA224"), (CKD_SHA256_KDF, "SHA256"), (CKD_SHA384_KDF, "SHA384"),
            (CKD_SHA512_KDF, "SHA512"),
        ])
    func derives(kdf: UInt, digest: String) throws {
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "mail")
        let other = P256.KeyAgreement.PrivateKey()
        let own = try P256.KeyAgreement.PublicKey(x963Representation: point(session, "mail"))
        let shared = try other.sharedSecretFromKeyAgreement(with: own).withUnsafeBytes { Hexadecimal.encode($0) }
        let info: [UInt8] = [1, 2, 3]
        for count in [1, 16, 20, 100, 512] {
            let secret = try derive(
                session, key, Array(other.publicKey.x963Representation), kdf: kdf, shared: info,
                more: [Attribute(CKA_VALUE_LEN, .number(UInt(count)))])
            let derived = try client.bytes(session, secret, CKA_VALUE)
            let expected = try run(
                "openssl",
                [
                    "kdf", "-keylen", "\(count)", "-kdfopt", "digest:\(digest)", "-kdfopt", "hexsecret:\(shared)",
                    "-kdfopt", "hexinfo:010203", "-binary", "X963KDF",
                ])
            try #require(expected.status == 0, "\(expected.errors)")
            #expect(derived == Array(expected.output))
        }
        func refusal(_ more: [Attribute]) throws -> UInt {
            try client.refusal {
                _ = try derive(session, key, Array(other.publicKey.x963Representation), kdf: kdf, more: more)
            }
        }
        #expect(try refusal([]) == CKR_TEMPLATE_INCOMPLETE)
        #expect(try refusal([Attribute(CKA_VALUE_LEN, .number(513))]) == CKR_KEY_SIZE_RANGE)
        #expect(try refusal([Attribute(CKA_VALUE_LEN, .number(.max))]) == CKR_KEY_SIZE_RANGE)
        #expect(try refusal([Attribute(CKA_VALUE_LEN, .flag(true))]) != CKR_OK)
    }

    @Test("a key that signs does not derive, one for ECDH does not sign, and no other point or form is taken")
    func refusals() throws {
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "mail")
        let open = try client.object(session, CKO_PUBLIC_KEY, "mail")
        let signs = try client.object(session, CKO_PRIVATE_KEY, "signs")
        let peer = Array(P256.KeyAgreement.PrivateKey().publicKey.x963Representation)
        #expect(try client.refusal { _ = try derive(session, signs, peer) } == CKR_KEY_FUNCTION_NOT_PERMITTED)
        #expect(try client.refusal { _ = try derive(session, open, peer) } == CKR_KEY_FUNCTION_NOT_PERMITTED)
        let signed = try client.refusal { try client.begin(.signInit, session, Mechanism(CKM_ECDSA), key) }
        #expect(signed == CKR_KEY_FUNCTION_NOT_PERMITTED)
        let verified = try client.refusal { try client.begin(.verifyInit, session, Mechanism(CKM_ECDSA), open) }
        #expect(verified == CKR_KEY_FUNCTION_NOT_PERMITTED)
        var off = peer
        off[64] ^= 1
        let p384 = Array(P384.KeyAgreement.PrivateKey().publicKey.x963Representation)
        for point in [[], [4], off, Array(peer.dropLast()), p384, [4, 64] + peer] {
            #expect(try client.refusal { _ = try derive(session, key, point) } == CKR_MECHANISM_PARAM_INVALID)
        }
        #expect(
            try client.refusal { _ = try derive(session, key, peer, kdf: CKD_SHA1_KDF_ASN1) }
                == CKR_MECHANISM_PARAM_INVALID)
        #expect(try client.refusal { _ = try derive(session, key, peer, shared: [1]) } == CKR_MECHANISM_PARAM_INVALID)
        func refusal(_ attribute: Attribute) throws -> UInt {
            try client.refusal {
                _ = try client.call(.deriveKey) {
                    $0.number(session)
                    $0.mechanism(Mechanism(CKM_ECDH1_DERIVE, .ecdh(kdf: CKD_NULL, shared: [], point: peer)))
                    $0.number(key)
                    $0.template([attribute])
                }
            }
        }
        #expect(try refusal(Attribute(CKA_TOKEN, .flag(true))) == CKR_TEMPLATE_INCONSISTENT)
        #expect(try refusal(Attribute(CKA_SENSITIVE, .flag(true))) == CKR_TEMPLATE_INCONSISTENT)
        #expect(try refusal(Attribute(CKA_EXTRACTABLE, .flag(false))) == CKR_TEMPLATE_INCONSISTENT)
        #expect(try refusal(Attribute(CKA_VALUE_LEN, .number(16))) == CKR_KEY_SIZE_RANGE)
        let direct = agent.client()
        #expect(try direct.refusal(.agree(key: "signs", peer: peer)).code == .invalidArgument)
        #expect(try direct.refusal(.sign(key: "mail", message: [1])).code == .invalidArgument)
        #expect(try direct.refusal(.agree(key: "mail", peer: off)).code == .invalidArgument)
    }

    @Test("a grant gives ECDH only if it names derive", .enabled(if: OtherUser.arePossible))
    func granted() throws {
        try agent.addConfiguration(
            """
            grants:
              - to: ["unix:user:list"]
                keys: [mail]
                operations: [sign, decrypt, encrypt, mac, public]
              - to: ["unix:user:list"]
                keys: [mail384]
                operations: [derive, public]
            """)
        agent.stop()
        try agent.startServing()
        let user = ["/usr/bin/setpriv", "--reuid", "38", "--regid", "38", "--clear-groups"]
        let other = try RPCClient(agent, prefix: user)
        try other.initialize()
        let session = try other.openSession()
        let first = try other.find(session, [Attribute(CKA_CLASS, .number(CKO_PRIVATE_KEY))])
        // A key with which nothing can be done has no private object.
        #expect(first.count == 1)
        #expect(try other.bytes(session, first[0], CKA_LABEL) == Array("root/mail384".utf8))
        var reader = try other.call(.deriveKey) {
            $0.number(session)
            $0.mechanism(
                Mechanism(
                    CKM_ECDH1_DERIVE,
                    .ecdh(
                        kdf: CKD_NULL, shared: [],
                        point: Array(P384.KeyAgreement.PrivateKey().publicKey.x963Representation))))
            $0.number(first[0])
            $0.template(template)
        }
        #expect(try other.bytes(session, try reader.number(), CKA_VALUE).count == 48)
        func may(_ key: String, _ permission: String) throws -> Bool {
            try agent.client().call(.explainPolicy(subject: key, permission: permission, uid: 38)).valid
        }
        #expect(try !may("mail", "derive") && may("mail", "decrypt") && may("mail384", "derive"))
    }
}
