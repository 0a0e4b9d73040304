import AgentProtocol
import CPKCS11
import Foundation
import TestSupport
import Testing

@testable import DTACryptoki

@Suite("Making and destroying keys by PKCS#11", .ownThread)
struct MakingTests {
    private func generate(
        _ client: RPCClient, _ session: UInt, _ mechanism: UInt, _ open: [Attribute], _ secret: [Attribute]
    ) throws -> (publicKey: UInt, privateKey: UInt) {
        var reader = try client.call(.generateKeyPair) {
            $0.number(session)
            $0.number32(UInt32(mechanism))
            $0.string(nil)
            $0.template(open)
            $0.template(secret)
        }
        return (try reader.number(), try reader.number())
    }

    private func label(_ name: String) -> Attribute { Attribute(CKA_LABEL, .bytes(Array(name.utf8))) }
    private let p256 = Attribute(CKA_EC_PARAMS, .bytes(Curve.p256.parameters))

    @Test("a key pair is the agent's key of its label, and signs")
    func pairs() throws {
        let agent = try TestAgent()
        let client = try RPCClient.initialized(agent)
        let session = try client.openSession(readWrite: true)
        let secret = [Attribute(CKA_SENSITIVE, .flag(true)), Attribute(CKA_TOKEN, .flag(true)), label("made")]
        let made = try generate(client, session, CKM_EC_KEY_PAIR_GEN, [p256, label("made")], secret)
        let digest = [UInt8](repeating: 3, count: 32)
        let signature = try client.signature(session, CKM_ECDSA, made.privateKey, digest)
        try client.verify(session, CKM_ECDSA, made.publicKey, digest, signature)
        #expect(try agent.client().call(.showKey("made")).keys[0].type == .p256)
        let edwards = Attribute(CKA_EC_PARAMS, .bytes(Edwards.name))
        let other = try generate(client, session, CKM_EC_EDWARDS_KEY_PAIR_GEN, [edwards], [])
        let name = String(decoding: try client.bytes(session, other.privateKey, CKA_LABEL), as: UTF8.self)
        #expect(try agent.client().call(.showKey(name)).keys[0].type == .ed25519)
        var reader = try client.call(.generateKey) {
            $0.number(session)
            $0.number32(UInt32(CKM_GENERIC_SECRET_KEY_GEN))
            $0.string(nil)
            $0.template([Attribute(CKA_VALUE_LEN, .number(32)), label("mac")])
        }
        #expect(try client.signature(session, CKM_SHA256_HMAC, try reader.number(), [1]).count == 32)
    }

    @Test("a template that asks for what no key here has is refused, and makes nothing")
    func templates() throws {
        let agent = try TestAgent()
        let client = try RPCClient.initialized(agent)
        let session = try client.openSession(readWrite: true)
        func refusal(_ open: [Attribute], _ secret: [Attribute]) throws -> UInt {
            try client.refusal { _ = try generate(client, session, CKM_EC_KEY_PAIR_GEN, open, secret) }
        }
        #expect(try refusal([p256], [Attribute(CKA_EXTRACTABLE, .flag(true))]) == CKR_TEMPLATE_INCONSISTENT)
        #expect(try refusal([p256], [Attribute(CKA_SENSITIVE, .flag(false))]) == CKR_TEMPLATE_INCONSISTENT)
        #expect(try refusal([p256], [Attribute(CKA_TOKEN, .flag(false))]) == CKR_TEMPLATE_INCONSISTENT)
        #expect(try refusal([p256], [Attribute(CKA_VALUE, .bytes([1]))]) == CKR_TEMPLATE_INCONSISTENT)
        #expect(try refusal([], []) == CKR_TEMPLATE_INCOMPLETE)
        #expect(try refusal([Attribute(CKA_EC_PARAMS, .bytes([6, 1, 1]))], []) == CKR_CURVE_NOT_SUPPORTED)
        #expect(try refusal([p256, label("a/b")], []) == CKR_ATTRIBUTE_VALUE_INVALID)
        #expect(try refusal([p256, label("a")], [label("b")]) == CKR_TEMPLATE_INCONSISTENT)
        let reading = try client.openSession()
        #expect(
            try client.refusal { _ = try generate(client, reading, CKM_EC_KEY_PAIR_GEN, [p256], []) }
                == CKR_SESSION_READ_ONLY)
        #expect(try agent.client().call(.list(.keyList)).keys.isEmpty)
        _ = try generate(client, session, CKM_EC_KEY_PAIR_GEN, [p256, label("taken")], [])
        #expect(try refusal([p256, label("taken")], []) == CKR_ATTRIBUTE_VALUE_INVALID)
    }

    @Test("destroying the private object destroys the key, and no other object does")
    func destroys() throws {
        let agent = try TestAgent()
        let client = try RPCClient.initialized(agent)
        let session = try client.openSession(readWrite: true)
        let made = try generate(client, session, CKM_EC_KEY_PAIR_GEN, [p256, label("made")], [])
        func destroy(_ object: UInt) throws {
            _ = try client.call(.destroyObject) {
                $0.number(session)
                $0.number(object)
            }
        }
        #expect(try client.refusal { try destroy(made.publicKey) } == CKR_ACTION_PROHIBITED)
        #expect(try agent.client().call(.list(.keyList)).keys.count == 1)
        try destroy(made.privateKey)
        #expect(try agent.client().call(.list(.keyList)).keys.isEmpty)
        #expect(try client.refusal { try destroy(made.publicKey) } == CKR_OBJECT_HANDLE_INVALID)
    }

    @Test(
        "another user's key can be used as a grant says, under its owner's name, and not destroyed",
        .enabled(if: OtherUser.arePossible))
    func granted() throws {
        let agent = try TestAgent(
            more: "grants:\n  - to: [\"unix:user:list\"]\n    keys: [shared]\n    operations: [sign, public]")
        for name in ["shared", "own"] {
            _ = try agent.client().call(.createKey(name, type: .p256), timeout: .seconds(120))
        }
        let user = ["/usr/bin/setpriv", "--reuid", "38", "--regid", "38", "--clear-groups"]
        let client = try RPCClient(agent, prefix: user)
        try client.initialize()
        let session = try client.openSession(readWrite: true)
        #expect(try client.find(session, []).count == 2)
        let key = try client.object(session, CKO_PRIVATE_KEY, "root/shared")
        #expect(try client.signature(session, CKM_ECDSA, key, [UInt8](repeating: 1, count: 32)).count == 64)
        let refused = try client.refusal {
            _ = try client.call(.destroyObject) {
                $0.number(session)
                $0.number(key)
            }
        }
        #expect(refused == CKR_ACTION_PROHIBITED)
    }
}
