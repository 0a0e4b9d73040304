import Crypto
import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Users' keys on a token", .ownThread)
struct UserKeyTests {
    let owner = ObjectOwner(uid: 1000)
    let id = ObjectID.random()
    let token: TestToken
    let custody: CustodyConnection

    init() throws {
        token = try TestToken()
        custody = try HSMProcess(token).connect()
    }

    @Test("the message describe tells the token, the process and the key types")
    func describe() throws {
        let description = try custody.ask(DescribeToken())
        #expect(description.label == TestToken.label)
        #expect(description.serial.count == 16)
        #expect(description.library.contains("2."))
        #expect(Set(description.keyTypes) == Set(KeyType.allCases))
        #expect(description.uid == geteuid())
        #expect(description.pid > 1 && description.pid != getpid())
    }

    @Test(
        "a signature by the token verifies with the public key that it gave, outside of it",
        arguments: [
            (KeyType.ed25519, PublicKey.Algorithm.ed25519), (.p256, .p256), (.p384, .p384), (.secp256k1, .secp256k1),
        ])
    func sign(type: KeyType, algorithm: PublicKey.Algorithm) throws {
        let key = try PublicKey(algorithm, raw: try custody.ask(GenerateKey(type: type, owner: owner, id: id)))
        let message = Array("a message of \(type.name)".utf8)
        for _ in 0..<8 {
            let signature = try custody.ask(Sign(id: id, input: PublicKey.input(for: message, algorithm: algorithm)))
            #expect(try key.isValid(signature: signature, message: message))
            if type == .secp256k1 { #expect(try ECDSASignature(raw: signature, algorithm: algorithm).isLowS) }
        }
        let told = try custody.ask(ReadPublicKey(id: id))
        #expect(told.type == type)
        #expect(told.bytes == key.raw)
        #expect(
            try custody.ask(ListObjects(objectClass: .user)) == [TokenObject(objectClass: .user, owner: owner, id: id)])
    }

    @Test("openssl verifies a P-256 signature with the exported key")
    func openssl() throws {
        let key = try PublicKey(.p256, raw: try custody.ask(GenerateKey(type: .p256, owner: owner, id: id)))
        let message = Array("for openssl".utf8)
        let signature = try custody.ask(Sign(id: id, input: Array(SHA256.hash(data: message))))
        let folder = token.directory
        let der = try folder.write("sig", try ECDSASignature(raw: signature, algorithm: .p256).der)
        let arguments = [
            "dgst", "-sha256", "-verify", try folder.write("key.pem", key.pem), "-signature", der,
            try folder.write("message", message),
        ]
        #expect(try run("openssl", arguments).text == "Verified OK\n")
        try folder.write("message", "for openssl?")
        #expect(try run("openssl", arguments).status != 0)
    }

    @Test("HMAC is deterministic, keyed, and 32 bytes")
    func mac() throws {
        #expect(try custody.ask(GenerateKey(type: .hmacSHA256, owner: owner, id: id)).isEmpty)
        let other = ObjectID.random()
        _ = try custody.ask(GenerateKey(type: .hmacSHA256, owner: owner, id: other))
        let one = try custody.ask(MakeMAC(id: id, input: [1, 2, 3]))
        #expect(one.count == 32)
        #expect(try custody.ask(MakeMAC(id: id, input: [1, 2, 3])) == one)
        #expect(try custody.ask(MakeMAC(id: id, input: [1, 2, 4])) != one)
        #expect(try custody.ask(MakeMAC(id: other, input: [1, 2, 3])) != one)
        #expect(try custody.ask(MakeMAC(id: id, input: [])).count == 32)
        #expect(try custody.ask(ReadPublicKey(id: id)).bytes.isEmpty)
    }

    @Test(
        "what a key encrypted it decrypts, with the same associated data only", arguments: [0, 1, 16, 1000, 256 << 10])
    func encrypt(size: Int) throws {
        _ = try custody.ask(GenerateKey(type: .aes256, owner: owner, id: id))
        let plaintext = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let sealed = try custody.ask(Encrypt(id: id, plaintext: plaintext, associatedData: [7]))
        #expect(sealed.count == size + 28)
        #expect(try custody.ask(Decrypt(id: id, ciphertext: sealed, associatedData: [7])) == plaintext)
        #expect(try custody.ask(Encrypt(id: id, plaintext: plaintext, associatedData: [7])) != sealed)
        expect(.dataLoss) { try custody.ask(Decrypt(id: id, ciphertext: sealed, associatedData: [8])) }
        for index in Set([0, 11, 12, sealed.count - 1]) where index < sealed.count {
            var altered = sealed
            altered[index] ^= 1
            expect(.dataLoss) { try custody.ask(Decrypt(id: id, ciphertext: altered, associatedData: [7])) }
        }
        expect(.dataLoss) {
            try custody.ask(Decrypt(id: id, ciphertext: Array(sealed.prefix(27)), associatedData: [7]))
        }
        #expect(try custody.ask(Decrypt(id: id, ciphertext: sealed, associatedData: [7])) == plaintext)
    }

    @Test("inputs of more than 256 KiB are refused, and the connection lives")
    func bounds() throws {
        let large = [UInt8](repeating: 0, count: (256 << 10) + 1)
        for type in [KeyType.ed25519, .hmacSHA256, .aes256] {
            let id = ObjectID.random()
            _ = try custody.ask(GenerateKey(type: type, owner: owner, id: id))
            switch type {
            case .ed25519:
                #expect(try custody.ask(Sign(id: id, input: Array(large.dropLast()))).count == 64)
                expect(.invalidArgument) { try custody.ask(Sign(id: id, input: large)) }
            case .hmacSHA256:
                #expect(try custody.ask(MakeMAC(id: id, input: Array(large.dropLast()))).count == 32)
                expect(.invalidArgument) { try custody.ask(MakeMAC(id: id, input: large)) }
            default:
                expect(.invalidArgument) { try custody.ask(Encrypt(id: id, plaintext: large, associatedData: [])) }
                expect(.invalidArgument) { try custody.ask(Encrypt(id: id, plaintext: [], associatedData: large)) }
                expect(.invalidArgument) {
                    try custody.ask(Decrypt(id: id, ciphertext: large + large, associatedData: []))
                }
            }
        }
        #expect(try custody.ask(DrawRandom(count: 65_536)).count == 65_536)
        expect(.invalidArgument) { try custody.ask(DrawRandom(count: 65_537)) }
        #expect(!custody.isBroken)
    }

    @Test(
        "ECDSA takes a digest of exactly the right length",
        arguments: [(KeyType.p256, 32), (.secp256k1, 32), (.p384, 48)])
    func digestLength(type: KeyType, size: Int) throws {
        _ = try custody.ask(GenerateKey(type: type, owner: owner, id: id))
        for wrong in [0, 20, size - 1, size + 1, 64] {
            expect(.invalidArgument) { try custody.ask(Sign(id: id, input: [UInt8](repeating: 1, count: wrong))) }
        }
        #expect(try custody.ask(Sign(id: id, input: [UInt8](repeating: 1, count: size))).count == 2 * size)
    }

    @Test("a key does only what its type is for")
    func wrongKinds() throws {
        // RSA keys of all sizes do the same, and the large ones take long.
        let ids = try KeyType.allCases.filter { ![.rsa3072, .rsa4096].contains($0) }.map { type in
            let id = ObjectID.random()
            _ = try custody.ask(GenerateKey(type: type, owner: owner, id: id))
            return (type, id)
        }
        let sealed = [UInt8](repeating: 0, count: 40)
        let peer = Array(P256.KeyAgreement.PrivateKey().publicKey.x963Representation)
        for (type, id) in ids {
            if type != .aes256 {
                expect(.failedPrecondition) { try custody.ask(Encrypt(id: id, plaintext: [1], associatedData: [])) }
                expect(type.isRSA ? .dataLoss : .failedPrecondition) {
                    try custody.ask(Decrypt(id: id, ciphertext: sealed, associatedData: []))
                }
            }
            if !type.isRSA {
                let digest = [UInt8](repeating: 1, count: 32)
                expect(.failedPrecondition) {
                    try custody.ask(SignRSA(id: id, scheme: .pssSHA256, digest: digest))
                }
            }
            if type != .hmacSHA256 { expect(.failedPrecondition) { try custody.ask(MakeMAC(id: id, input: [1])) } }
            if !type.isECDH { expect(.failedPrecondition) { try custody.ask(Agree(id: id, peer: peer)) } }
            if type == .aes256 || type == .hmacSHA256 || type.isRSA || type.isECDH {
                expect(.failedPrecondition) { try custody.ask(Sign(id: id, input: [UInt8](repeating: 1, count: 32))) }
            }
        }
    }

    @Test("an object's id that exists is not used again, and a deleted key is gone in every process that forgot it")
    func deletion() throws {
        let other = try HSMProcess(token).connect()
        _ = try custody.ask(GenerateKey(type: .p256, owner: owner, id: id))
        let digest = [UInt8](repeating: 1, count: 32)
        #expect(try other.ask(Sign(id: id, input: digest)).count == 64)
        expect(.failedPrecondition) { try custody.ask(GenerateKey(type: .ed25519, owner: owner, id: id)) }
        expect(.failedPrecondition) { try other.ask(GenerateKey(type: .ed25519, owner: owner, id: id)) }
        try custody.ask(DeleteObject(objectClass: .user, id: id))
        try other.ask(ForgetObject(id: id))
        expect(.notFound) { try custody.ask(Sign(id: id, input: digest)) }
        expect(.notFound) { try other.ask(Sign(id: id, input: digest)) }
        try custody.ask(DeleteObject(objectClass: .user, id: id))
        #expect(try custody.ask(ListObjects(objectClass: .user)).isEmpty)
        #expect(!custody.isBroken && !other.isBroken)
        _ = try other.ask(GenerateKey(type: .ed25519, owner: owner, id: id))
        #expect(try custody.ask(Sign(id: id, input: [])).count == 64)
    }

    @Test("users' keys are sensitive and never extractable, as another program sees them")
    func attributes() throws {
        for type in KeyType.allCases where type != .rsa4096 {
            _ = try custody.ask(GenerateKey(type: type, owner: owner, id: .random()))
        }
        _ = try custody.ask(CreateIdentity(owner: owner, signing: .random(), kem: .random()))
        // Private and secret keys: ten, the identity's two, the sealing key and the state key.
        let objects = try token.pkcs11Tool(["--list-objects"]).text.components(separatedBy: "\n")
            .split { $0.isEmpty || $0.hasPrefix("Using") }.joined().reduce(into: [[String]]()) { groups, line in
                if line.contains(" Object;") || groups.isEmpty { groups.append([]) }
                groups[groups.count - 1].append(line)
            }
        let keys = objects.filter { $0[0].hasPrefix("Private Key") || $0[0].hasPrefix("Secret Key") }
        #expect(keys.count == 14)
        for key in keys {
            let access = try #require(key.first { $0.contains("Access:") })
            for word in ["sensitive", "always sensitive", "never extract", "local"] {
                #expect(access.contains(word), "\(key)")
            }
            let usage = try #require(key.first { $0.contains("Usage:") }).components(separatedBy: ":")[1]
            let uses = usage.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            // pkcs11-tool does not tell whether a secret key may sign.
            let expected =
                key[0].contains("Generic")
                ? ["none"]
                : key[0].contains("AES") ? ["encrypt", "decrypt"] : key[0].contains("RSA") ? ["decrypt", "sign"] : nil
            #expect(expected.map { $0 == uses } ?? [["sign"], ["derive"]].contains(uses), "\(key)")
        }
    }

    @Test("without session copies everything works the same")
    func withoutCopies() throws {
        try token.configure(["cache_session_objects": "false"])
        let custody = try HSMProcess(token).connect()
        let key = try PublicKey(.ed25519, raw: try custody.ask(GenerateKey(type: .ed25519, owner: owner, id: id)))
        #expect(try key.isValid(signature: try custody.ask(Sign(id: id, input: [1, 2])), message: [1, 2]))
        try custody.ask(DeleteObject(objectClass: .user, id: id))
        expect(.notFound) { try custody.ask(Sign(id: id, input: [1, 2])) }
    }
}

/// Expects an error with this code.
func expect(
    _ code: ErrorCode, _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> some Any
) {
    do {
        let result = try body()
        Issue.record("\(code.name) was expected, not \(result) \(what)", sourceLocation: sourceLocation)
    } catch {
        #expect(DTAError(error).code == code, "\(error) \(what)", sourceLocation: sourceLocation)
    }
}

/// The same, of a key of which dtad-hsm may have a copy in its session: that is trusted for a second.
func expect(
    _ code: ErrorCode, afterCopies copies: Bool, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> some Any
) throws {
    var refused: DTAError?
    func isRefused() -> Bool {
        do { _ = try body() } catch { refused = DTAError(error) }
        return refused != nil
    }
    if !isRefused(), copies { try eventually("\(code.name)") { isRefused() } }
    #expect(refused?.code == code, sourceLocation: sourceLocation)
}
