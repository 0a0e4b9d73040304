import AgentProtocol
import CPKCS11
import Foundation
import TestSupport
import Testing

@testable import DTACryptoki

@Suite("AES-GCM by PKCS#11", .ownThread)
struct GCMTests {
    private let agent: TestAgent
    private let client: RPCClient
    private let session: UInt
    private let key: UInt

    init() throws {
        agent = try TestAgent()
        for (name, type) in [("aes", AgentKeyType.aes256), ("mac", .hmacSha256)] {
            _ = try agent.client().call(.createKey(name, type: type), timeout: .seconds(120))
        }
        client = try RPCClient.initialized(agent)
        session = try client.openSession()
        key = try client.object(session, CKO_SECRET_KEY, "aes")
    }

    private func gcm(_ nonce: [UInt8], _ associated: [UInt8], tagBits: UInt = 128) -> Mechanism {
        Mechanism(CKM_AES_GCM, .gcm(nonce: nonce, associated: associated, tagBits: tagBits))
    }

    @Test("what the agent encrypted is decrypted with its first 12 bytes as the IV, at once and in parts")
    func decrypts() throws {
        let uses = try client.attributes(session, key, [CKA_DECRYPT, CKA_ENCRYPT, CKA_WRAP, CKA_UNWRAP])
        #expect(uses.values.map(\.value) == [true, false, false, false].map { .flag($0) })
        for length in [0, 1, 1000, 256 << 10] {
            let message = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
            let sealed = [UInt8](try agent.client().call(.encrypt(key: "aes", plaintext: message, aad: [7])).data)
            let mechanism = gcm(Array(sealed.prefix(12)), [7])
            let rest = Array(sealed.dropFirst(12))
            try client.begin(.decryptInit, session, mechanism, key)
            #expect(try client.finish(.decrypt, session, rest, room: 0) == .length(UInt32(length)))
            #expect(try client.finish(.decrypt, session, rest, room: UInt32(max(length, 1))) == .bytes(message))
            try client.begin(.decryptInit, session, mechanism, key)
            for part in [rest.prefix(10), rest.dropFirst(10)] {
                #expect(try client.finish(.decryptUpdate, session, Array(part)) == .bytes([]))
            }
            var reader = try client.call(.decryptFinal) {
                $0.number(session)
                $0.number32(UInt32(max(length, 1)))
            }
            #expect(try RPCClient.output(&reader) == .bytes(message))
        }
    }

    @Test("what is altered, cut or too long, and what asks for another IV or tag, is refused, and so is encryption")
    func refusals() throws {
        let sealed = [UInt8](try agent.client().call(.encrypt(key: "aes", plaintext: [1, 2, 3])).data)
        let nonce = Array(sealed.prefix(12))
        func refusal(_ data: [UInt8], _ associated: [UInt8] = []) throws -> UInt {
            try client.begin(.decryptInit, session, gcm(nonce, associated), key)
            return try client.refusal { _ = try client.finish(.decrypt, session, data) }
        }
        let rest = Array(sealed.dropFirst(12))
        var altered = rest
        altered[0] ^= 1
        #expect(try refusal(altered) == CKR_ENCRYPTED_DATA_INVALID)
        #expect(try refusal(rest, [1]) == CKR_ENCRYPTED_DATA_INVALID)
        #expect(try refusal(Array(rest.prefix(15))) == CKR_ENCRYPTED_DATA_LEN_RANGE)
        let long = [UInt8](repeating: 1, count: 256 << 10 + 17)
        #expect(try refusal(long) == CKR_ENCRYPTED_DATA_LEN_RANGE)
        func begin(_ call: RPCCall, _ mechanism: Mechanism, _ key: UInt) throws -> UInt {
            try client.refusal { try client.begin(call, session, mechanism, key) }
        }
        #expect(try begin(.encryptInit, gcm(nonce, []), key) == CKR_MECHANISM_INVALID)
        #expect(try begin(.decryptInit, gcm([1], []), key) == CKR_MECHANISM_PARAM_INVALID)
        #expect(try begin(.decryptInit, gcm(nonce, [], tagBits: 96), key) == CKR_MECHANISM_PARAM_INVALID)
        #expect(try begin(.decryptInit, Mechanism(CKM_AES_CBC), key) == CKR_MECHANISM_INVALID)
        let other = try client.object(session, CKO_SECRET_KEY, "mac")
        #expect(try begin(.decryptInit, gcm(nonce, []), other) == CKR_KEY_TYPE_INCONSISTENT)
        #expect(try begin(.signInit, gcm(nonce, []), key) == CKR_MECHANISM_INVALID)
    }
}
