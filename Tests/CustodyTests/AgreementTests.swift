import Crypto
import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import TestSupport
import Testing

@Suite("ECDH with users' keys", .ownThread)
struct AgreementTests {
    private let token: TestToken
    private let custody: CustodyConnection
    private let owner = ObjectOwner(uid: 1000)
    private let id = ObjectID.random()

    init() throws {
        token = try TestToken()
        custody = try HSMProcess(token).connect()
    }

    private func secret(_ peer: [UInt8]) throws -> [UInt8] {
        try custody.ask(Agree(id: id, peer: peer)).withBytes { Array(copying: $0) }
    }

    @Test("a P-256 key and another side compute the same secret, in every process")
    func p256() throws {
        let raw = try custody.ask(GenerateKey(type: .p256ECDH, owner: owner, id: id))
        let own = try P256.KeyAgreement.PublicKey(x963Representation: raw)
        let other = P256.KeyAgreement.PrivateKey()
        let expected = try other.sharedSecretFromKeyAgreement(with: own).withUnsafeBytes { Array($0) }
        #expect(expected.count == 32)
        #expect(try secret(Array(other.publicKey.x963Representation)) == expected)
        #expect(try custody.ask(ReadPublicKey(id: id)).type == .p256ECDH)
        // By the token's own handle.
        try token.configure(["cache_session_objects": "false"])
        let second = try HSMProcess(token).connect()
        let again = try second.ask(Agree(id: id, peer: Array(other.publicKey.x963Representation)))
        #expect(again.withBytes { Array(copying: $0) } == expected)
        // Nothing of it stays.
        let left = try token.pkcs11Tool(["--list-objects", "--type", "secrkey"]).text
        #expect(!left.contains("Generic secret"), "\(left)")
    }

    @Test("a P-384 key and another side compute the same secret")
    func p384() throws {
        let raw = try custody.ask(GenerateKey(type: .p384ECDH, owner: owner, id: id))
        let own = try P384.KeyAgreement.PublicKey(x963Representation: raw)
        let other = P384.KeyAgreement.PrivateKey()
        let expected = try other.sharedSecretFromKeyAgreement(with: own).withUnsafeBytes { Array($0) }
        #expect(try secret(Array(other.publicKey.x963Representation)) == expected && expected.count == 48)
    }

    @Test("what is no point of the curve is refused before the token sees it")
    func points() throws {
        _ = try custody.ask(GenerateKey(type: .p256ECDH, owner: owner, id: id))
        let good = Array(P256.KeyAgreement.PrivateKey().publicKey.x963Representation)
        var off = good
        off[64] ^= 1
        let compressed = Array(P256.KeyAgreement.PrivateKey().publicKey.compressedRepresentation)
        let other = Array(P384.KeyAgreement.PrivateKey().publicKey.x963Representation)
        let zero = [4] + [UInt8](repeating: 0, count: 64)
        let bad: [[UInt8]] = [
            [], [0], off, Array(good.dropLast()), compressed, other, zero, [4, 65] + Array(good.prefix(63)),
        ]
        for peer in bad {
            expect(.invalidArgument) { try custody.ask(Agree(id: id, peer: peer)) }
        }
        #expect(try secret(good).count == 32)
    }

    private func expect(_ code: ErrorCode, _ body: () throws -> some Any) {
        do {
            _ = try body()
            Issue.record("it was not refused")
        } catch {
            #expect(DTAError(error).code == code, "\(error)")
        }
    }
}
