import AgentProtocol
import CPKCS11
import Crypto
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@testable import DTACryptoki

@Suite("dta-p11 with an agent", .ownThread)
struct TokenTests {
    /// One agent with a key of each kind, for all tests that change nothing.
    private static let shared = Result { try madeAgent() }

    static func madeAgent() throws -> TestAgent {
        let agent = try TestAgent()
        let client = agent.client()
        let types: [(String, AgentKeyType)] = [
            ("ed", .ed25519), ("p256", .p256), ("p384", .p384), ("k1", .secp256K1), ("mac", .hmacSha256),
            ("aes", .aes256),
        ]
        for (name, type) in types { _ = try client.call(.createKey(name, type: type), timeout: .seconds(120)) }
        return agent
    }

    private func agent() throws -> TestAgent { try TokenTests.shared.get() }

    private func publicKey(_ name: String) throws -> [UInt8] {
        [UInt8](try agent().client().call(.showKey(name)).keys[0].publicKey)
    }

    /// How many records of an operation the agent has.
    private func records(_ operation: String) throws -> Int {
        let lines = try agent().client().call(.list(.auditList, count: 1000)).lines
        return lines.count { $0.contains("\"\(operation)\"") }
    }

    @Test("each key is a private and a public object, and a secret key is one object")
    func objects() throws {
        let client = try RPCClient.initialized(try agent())
        let session = try client.openSession()
        #expect(try client.find(session, []).count == 4 * 2 + 2)
        #expect(try client.find(session, [Attribute(CKA_CLASS, .number(CKO_PRIVATE_KEY))]).count == 4)
        #expect(try client.find(session, [Attribute(CKA_CLASS, .number(CKO_PUBLIC_KEY))]).count == 4)
        #expect(try client.find(session, [Attribute(CKA_KEY_TYPE, .number(CKK_EC))]).count == 6)
        #expect(try client.find(session, [Attribute(CKA_LABEL, .bytes(Array("nobody".utf8)))]).isEmpty)
        let key = try client.object(session, CKO_PRIVATE_KEY, "p256")
        let id = try client.bytes(session, key, CKA_ID)
        #expect(id == Array(SHA256.hash(data: try publicKey("p256")).prefix(20)))
        // All of a template counts.
        let exact = [
            Attribute(CKA_CLASS, .number(CKO_PRIVATE_KEY)), Attribute(CKA_KEY_TYPE, .number(CKK_EC)),
            Attribute(CKA_ID, .bytes(id)), Attribute(CKA_LABEL, .bytes(Array("p256".utf8))),
        ]
        #expect(try client.find(session, exact) == [key])
        #expect(try client.find(session, exact + [Attribute(CKA_EXTRACTABLE, .flag(true))]).isEmpty)
        // The public half has the same id.
        let other = try client.object(session, CKO_PUBLIC_KEY, "p256")
        #expect(try client.bytes(session, other, CKA_ID) == id && other != key)
    }

    @Test("attributes are those of the standard, and secrets are given to nobody")
    func attributes() throws {
        let client = try RPCClient.initialized(try agent())
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "p384")
        let (values, code) = try client.attributes(
            session, key,
            [
                CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_SIGN, CKA_DECRYPT,
                CKA_LOCAL,
            ])
        #expect(code == CKR_OK)
        #expect(values.map(\.value) == [true, false, true, true, true, false, true].map { .flag($0) })
        let secret = try client.attributes(session, key, [CKA_VALUE, CKA_LABEL])
        #expect(secret.code == CKR_ATTRIBUTE_SENSITIVE)
        #expect(secret.values.map(\.value) == [nil, .bytes(Array("p384".utf8))])
        #expect(try client.attributes(session, key, [CKA_MODULUS]).code == CKR_ATTRIBUTE_TYPE_INVALID)
        #expect(try client.attributes(session, key, [CKA_LABEL], room: 2).code == CKR_BUFFER_TOO_SMALL)
        let length = try client.attributes(session, key, [CKA_LABEL, CKA_CLASS, CKA_SIGN], room: 0)
        #expect(length.code == CKR_OK)

        // A flag that p11-kit has travel as bytes.
        #expect(try client.bytes(session, key, CKA_DESTROYABLE) == [1])

        let mac = try client.object(session, CKO_SECRET_KEY, "mac")
        #expect(try client.attributes(session, mac, [CKA_VALUE]).code == CKR_ATTRIBUTE_SENSITIVE)

        let open = try client.object(session, CKO_PUBLIC_KEY, "p384")
        let point = try client.bytes(session, open, CKA_EC_POINT)
        let expected = try PublicKey(.p384, raw: Array(point.dropFirst(2)))
        #expect(point.prefix(2).elementsEqual([4, 97]) && expected.raw.count == 97)
        #expect(try client.bytes(session, open, CKA_EC_PARAMS) == Curve.p384.parameters)
        #expect(try client.bytes(session, open, CKA_PUBLIC_KEY_INFO) == publicKey("p384"))
        let edwards = try client.object(session, CKO_PUBLIC_KEY, "ed")
        #expect(try client.bytes(session, edwards, CKA_EC_POINT).prefix(2).elementsEqual([4, 32]))
    }

    @Test(
        "signatures of every kind are valid for the agent's public half, and dta-p11 says so itself",
        arguments: [UInt8(0), 1])
    func signatures(version: UInt8) throws {
        let client = try RPCClient.initialized(try agent(), version: version)
        let session = try client.openSession()
        let message = Array("what is signed".utf8)
        let hashed: [(UInt, [UInt8])] = [
            (CKM_ECDSA_SHA1, Array(Insecure.SHA1.hash(data: message))),
            (CKM_ECDSA_SHA256, Array(SHA256.hash(data: message))),
            (CKM_ECDSA_SHA384, Array(SHA384.hash(data: message))),
            (CKM_ECDSA_SHA512, Array(SHA512.hash(data: message))),
        ]
        for name in ["p256", "p384", "k1"] {
            let key = try client.object(session, CKO_PRIVATE_KEY, name)
            let open = try client.object(session, CKO_PUBLIC_KEY, name)
            for (mechanism, digest) in hashed {
                let signature = try client.signature(session, mechanism, key, message)
                // ECDSA_SHA… is ECDSA of the digest.
                try client.verify(session, mechanism, open, message, signature)
                try client.verify(session, CKM_ECDSA, open, digest, signature)
                let other = try client.signature(session, CKM_ECDSA, key, digest)
                try client.verify(session, mechanism, open, message, other)
                var changed = signature
                changed[5] ^= 1
                #expect(
                    try client.refusal { try client.verify(session, mechanism, open, message, changed) }
                        == CKR_SIGNATURE_INVALID)
            }
            let digest = Array(SHA256.hash(data: message))
            if name == "p256" {
                let signature = try client.signature(session, CKM_ECDSA, key, digest)
                let point = Array(try client.bytes(session, open, CKA_EC_POINT).dropFirst(2))
                #expect(try PublicKey(.p256, raw: point).isValid(signature: signature, message: message))
            }
        }
        let edwards = try client.object(session, CKO_PRIVATE_KEY, "ed")
        let signature = try client.signature(session, CKM_EDDSA, edwards, message)
        let open = try client.object(session, CKO_PUBLIC_KEY, "ed")
        try client.verify(session, CKM_EDDSA, open, message, signature)
        let raw = Array(try client.bytes(session, open, CKA_EC_POINT).dropFirst(2))
        #expect(try PublicKey(.ed25519, raw: raw).isValid(signature: signature, message: message))

        let secret = try client.object(session, CKO_SECRET_KEY, "mac")
        let mac = try client.signature(session, CKM_SHA256_HMAC, secret, message)
        #expect(mac == [UInt8](try agent().client().call(.mac(key: "mac", message: message)).data))
        try client.verify(session, CKM_SHA256_HMAC, secret, message, mac)
    }

    @Test("what comes in parts is signed as what comes at once")
    func parts() throws {
        let client = try RPCClient.initialized(try agent())
        let session = try client.openSession()
        let message = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
        for (name, mechanism) in [("p256", CKM_ECDSA_SHA256), ("ed", CKM_EDDSA)] {
            let key = try client.object(session, CKO_PRIVATE_KEY, name)
            let open = try client.object(session, CKO_PUBLIC_KEY, name)
            try client.begin(.signInit, session, mechanism, key)
            for start in stride(from: 0, to: 3000, by: 1000) {
                _ = try client.call(.signUpdate) {
                    $0.number(session)
                    $0.array(Array(message[start..<(start + 1000)]))
                }
            }
            var reader = try client.call(.signFinal) {
                $0.number(session)
                $0.number32(512)
            }
            guard case .bytes(let signature) = try RPCClient.output(&reader) else { throw TestFailure("no signature") }
            try client.verify(session, mechanism, open, message, signature)
            try client.begin(.verifyInit, session, mechanism, open)
            _ = try client.call(.verifyUpdate) {
                $0.number(session)
                $0.array(message)
            }
            _ = try client.call(.verifyFinal) {
                $0.number(session)
                $0.array(signature)
            }
        }
    }

    @Test("a length query neither signs nor records nor ends the operation; one signature is one record")
    func lengthQuery() throws {
        let agent = try TokenTests.madeAgent()
        func records() throws -> Int {
            try agent.client().call(.list(.auditList, count: 1000)).lines.count { $0.contains("\"sign\"") }
        }
        let client = try RPCClient.initialized(agent)
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "p256")
        let digest = [UInt8](repeating: 7, count: 32)
        try client.begin(.signInit, session, CKM_ECDSA, key)
        #expect(try client.signOnce(session, digest, room: 0) == .length(64))
        #expect(try client.signOnce(session, digest, room: 63) == .length(64))
        #expect(try client.signOnce(session, digest, room: 0xffff_ffff) == .length(64))
        #expect(try records() == 0)
        guard case .bytes(let signature) = try client.signOnce(session, digest, room: 64) else {
            throw TestFailure("no signature")
        }
        #expect(signature.count == 64)
        #expect(try records() == 1)
        #expect(try client.refusal { _ = try client.signOnce(session, digest) } == CKR_OPERATION_NOT_INITIALIZED)
    }

    @Test("wrong handles, mechanisms and orders of calls get the standard's return values")
    func refusals() throws {
        let client = try RPCClient.initialized(try agent())
        let session = try client.openSession()
        let key = try client.object(session, CKO_PRIVATE_KEY, "p256")
        let open = try client.object(session, CKO_PUBLIC_KEY, "p256")
        let edwards = try client.object(session, CKO_PRIVATE_KEY, "ed")
        func begin(_ session: UInt, _ mechanism: UInt, _ key: UInt) throws -> UInt {
            try client.refusal { try client.begin(.signInit, session, mechanism, key) }
        }
        #expect(try begin(session + 9, CKM_ECDSA, key) == CKR_SESSION_HANDLE_INVALID)
        #expect(try begin(session, CKM_ECDSA, 4711) == CKR_KEY_HANDLE_INVALID)
        #expect(try begin(session, CKM_ECDSA, open) == CKR_KEY_FUNCTION_NOT_PERMITTED)
        #expect(try begin(session, CKM_ECDSA, edwards) == CKR_KEY_TYPE_INCONSISTENT)
        #expect(try begin(session, CKM_EDDSA, key) == CKR_KEY_TYPE_INCONSISTENT)
        #expect(try begin(session, CKM_DES_CBC, key) == CKR_MECHANISM_INVALID)
        #expect(try begin(session, CKM_SHA256, key) == CKR_MECHANISM_INVALID)
        try client.begin(.signInit, session, CKM_ECDSA, key)
        #expect(try begin(session, CKM_ECDSA, key) == CKR_OPERATION_ACTIVE)
        // A null mechanism cancels.
        _ = try client.call(.signInit) {
            $0.number(session)
            $0.number32(0xffff_ffff)
            $0.number(0)
        }
        #expect(try client.refusal { _ = try client.sign(session, CKM_ECDSA, key, []) } == CKR_DATA_LEN_RANGE)
        let long = [UInt8](repeating: 1, count: 65)
        #expect(try client.refusal { _ = try client.sign(session, CKM_ECDSA, key, long) } == CKR_DATA_LEN_RANGE)
        let longer = [UInt8](repeating: 1, count: 256 << 10 + 1)
        #expect(try client.refusal { _ = try client.sign(session, CKM_EDDSA, edwards, longer) } == CKR_DATA_LEN_RANGE)
        #expect(try client.refusal { _ = try client.attributes(session, 4711, [CKA_ID]) } == CKR_OBJECT_HANDLE_INVALID)
        #expect(
            try client.refusal { try client.verify(session, CKM_ECDSA, open, long.dropLast(33), [1, 2]) }
                == CKR_SIGNATURE_LEN_RANGE)
        #expect(try client.refusal { try client.initialize() } == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        #expect(try client.refusal { _ = try client.call(.wrapKey) } == CKR_FUNCTION_NOT_SUPPORTED)
        _ = try client.call(.closeSession) { $0.number(session) }
        #expect(try begin(session, CKM_ECDSA, key) == CKR_SESSION_HANDLE_INVALID)
    }

    @Test("the token needs no log-in, takes one from programs that insist, and no administration")
    func login() throws {
        let client = try RPCClient.initialized(try agent())
        var info = try client.call(.getTokenInfo) { $0.number(1) }
        #expect(String(decoding: try info.string(ofLength: 32), as: UTF8.self).hasPrefix("D-TA "))
        for length in [32, 16, 16] { _ = try info.string(ofLength: length) }
        let flags = try info.number()
        #expect(flags & CKF_TOKEN_INITIALIZED != 0 && flags & CKF_LOGIN_REQUIRED == 0)
        let session = try client.openSession(readWrite: true)
        func login(_ user: UInt) throws {
            _ = try client.call(.login) {
                $0.number(session)
                $0.number(user)
                $0.array(Array("1234".utf8))
            }
        }
        func state() throws -> UInt {
            var reader = try client.call(.getSessionInfo) { $0.number(session) }
            _ = try reader.number()
            return try reader.number()
        }
        #expect(try client.refusal { try login(CKU_SO) } == CKR_USER_TYPE_INVALID)
        #expect(try state() == CKS_RW_PUBLIC_SESSION)
        try login(CKU_USER)
        #expect(try state() == CKS_RW_USER_FUNCTIONS)
        #expect(try client.refusal { try login(CKU_USER) } == CKR_USER_ALREADY_LOGGED_IN)
        _ = try client.call(.logout) { $0.number(session) }
        #expect(try client.refusal { _ = try client.call(.logout) { $0.number(session) } } == CKR_USER_NOT_LOGGED_IN)
        let refused = try client.refusal {
            _ = try client.call(.setPIN) {
                $0.number(session)
                $0.array([1])
                $0.array([2])
            }
        }
        #expect(refused == CKR_FUNCTION_NOT_SUPPORTED)
        let token = try client.refusal {
            _ = try client.call(.initToken) {
                $0.number(1)
                $0.array([1])
                $0.string([2])
            }
        }
        #expect(token == CKR_TOKEN_WRITE_PROTECTED)
    }

    @Test("digests and random bytes come as asked")
    func digests() throws {
        let client = try RPCClient.initialized(try agent())
        let session = try client.openSession()
        let message = Array("abc".utf8)
        func begin() throws {
            _ = try client.call(.digestInit) {
                $0.number(session)
                $0.number32(UInt32(CKM_SHA384))
                $0.string(nil)
            }
        }
        func digest(room: UInt32) throws -> RPCClient.Output {
            var reader = try client.call(.digest) {
                $0.number(session)
                $0.array(message)
                $0.number32(room)
            }
            return try RPCClient.output(&reader)
        }
        try begin()
        #expect(try digest(room: 0) == .length(48))
        #expect(try digest(room: 48) == .bytes(Array(SHA384.hash(data: message))))
        func random(_ count: UInt32) throws -> RPCClient.Output {
            var reader = try client.call(.generateRandom) {
                $0.number(session)
                $0.number32(count)
            }
            return try RPCClient.output(&reader)
        }
        guard case .bytes(let bytes) = try random(70_000) else { throw TestFailure("no bytes") }
        #expect(bytes.count == 70_000 && Set(bytes).count > 200)
        #expect(try client.refusal { _ = try random(1 << 30) } == CKR_ARGUMENTS_BAD)
    }

    @Test("a key that is made or deleted meanwhile comes and goes; handles stay what they were")
    func changes() throws {
        let agent = try TestAgent()
        let client = try RPCClient.initialized(agent)
        let session = try client.openSession()
        #expect(try client.find(session, []).isEmpty)
        _ = try agent.client().call(.createKey("first", type: .p256), timeout: .seconds(120))
        var found: [UInt] = []
        try agent.wait("the key to be seen", every: 100) {
            found = try client.find(session, [])
            return !found.isEmpty
        }
        _ = try agent.client().call(.createKey("another", type: .p256), timeout: .seconds(120))
        try agent.wait("the next key to be seen", every: 100) { try client.find(session, []).count == 4 }
        #expect(try client.find(session, [Attribute(CKA_LABEL, .bytes(Array("first".utf8)))]) == found)
        let key = try client.object(session, CKO_PRIVATE_KEY, "first")
        try client.begin(.signInit, session, CKM_ECDSA, key)
        _ = try agent.client().call(.deleteKey("first"))
        let digest = [UInt8](repeating: 1, count: 32)
        #expect(try client.refusal { _ = try client.signOnce(session, digest) } == CKR_KEY_HANDLE_INVALID)
        try agent.wait("the key to be gone", every: 100) { try client.find(session, []).count == 2 }
        #expect(try client.refusal { _ = try client.bytes(session, key, CKA_ID) } == CKR_OBJECT_HANDLE_INVALID)
    }
}
