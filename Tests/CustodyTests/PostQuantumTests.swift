import Crypto
import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

@Suite("Identities' post-quantum keys", .ownThread)
struct PostQuantumTests {
    let token: TestToken
    let custody: CustodyConnection
    private let hash = [UInt8](repeating: 3, count: 32)

    init() throws {
        token = try TestToken()
        custody = try HSMProcess(token).connect()
    }

    private func isValid(_ signature: [UInt8], by key: PostQuantumKey, _ context: String) throws -> Bool {
        try MLDSA65.PublicKey(rawRepresentation: key.publicKey).isValidSignature(
            signature, for: SignedBytes.make(context: context, hash: hash))
    }

    @Test("post-quantum keys sign the documents of an identity beside its own key, in any process")
    func documents() throws {
        let alice = try HeldIdentity(custody)
        let key = try custody.ask(CreatePostQuantumKey(signing: alice.signing))
        let other = try HSMProcess(token).connect()
        let identity = try Identity(
            name: "alice", created: 1_700_000_000, signing: alice.document.identity.signing, kem: alice.keys.kem,
            pq: key.publicKey)
        let document = try SignedIdentity(signing: identity) {
            try custody.ask(SignDocument(id: alice.signing, context: $0, hash: $1))
        } postQuantum: {
            try other.ask(SignPostQuantum(signing: alice.signing, key: key, context: $0, hash: $1))
        }
        #expect(try SignedIdentity(block: document.block).identity.pq == key.publicKey)
        let envelope = try EnvelopeSealer.seal(
            [1, 2], content: "text/plain", from: document.cid, to: [document], created: 1_700_000_000)
        let signed = try SignedEnvelope(signing: envelope, sender: document) {
            try custody.ask(SignDocument(id: alice.signing, context: $0, hash: $1))
        } postQuantum: {
            try other.ask(SignPostQuantum(signing: alice.signing, key: key, context: $0, hash: $1))
        }
        try SignedEnvelope(block: signed.block).verify(sender: document)
    }

    @Test("post-quantum keys sign in the contexts in which the key beside them may, and in no other")
    func contexts() throws {
        let alice = try HeldIdentity(custody)
        let key = try custody.ask(CreatePostQuantumKey(signing: alice.signing))
        for context in [SignedBytes.identity, SignedBytes.revocation, SignedBytes.envelope, SignedBytes.approval] {
            let signature = try custody.ask(
                SignPostQuantum(signing: alice.signing, key: key, context: context, hash: hash))
            #expect(try isValid(signature, by: key, context))
        }
        for context in ["", SignedBytes.audit, "dta/identity/2", "ssh", "dta/identity/1\0"] {
            expect(.permissionDenied) {
                try custody.ask(SignPostQuantum(signing: alice.signing, key: key, context: context, hash: hash))
            }
        }
        expect(.invalidArgument) {
            try custody.ask(SignPostQuantum(signing: alice.signing, key: key, context: SignedBytes.envelope, hash: [1]))
        }
        let agent = ObjectID.random()
        _ = try custody.ask(CreateIdentity(owner: .agent, signing: agent, kem: .random()))
        let agents = try custody.ask(CreatePostQuantumKey(signing: agent))
        expect(.permissionDenied) {
            try custody.ask(SignPostQuantum(signing: agent, key: agents, context: SignedBytes.envelope, hash: hash))
        }
        let checkpoint = try custody.ask(
            SignPostQuantum(signing: agent, key: agents, context: SignedBytes.audit, hash: hash))
        #expect(try isValid(checkpoint, by: agents, SignedBytes.audit))
    }

    @Test("post-quantum keys sign only with the seed that was made for exactly this identity and this public key")
    func binding() throws {
        let alice = try HeldIdentity(custody)
        let other = try HeldIdentity(custody, owner: alice.owner, name: "other")
        let key = try custody.ask(CreatePostQuantumKey(signing: alice.signing))
        let second = try custody.ask(CreatePostQuantumKey(signing: alice.signing))
        #expect(key.publicKey != second.publicKey)
        func refused(_ signing: ObjectID, _ key: PostQuantumKey, line: SourceLocation = #_sourceLocation) {
            expect(.dataLoss, sourceLocation: line) {
                try custody.ask(SignPostQuantum(signing: signing, key: key, context: SignedBytes.envelope, hash: hash))
            }
        }
        refused(other.signing, key)
        refused(alice.signing, PostQuantumKey(publicKey: second.publicKey, sealedSeed: key.sealedSeed))
        refused(alice.signing, PostQuantumKey(publicKey: key.publicKey.flipped(at: 9), sealedSeed: key.sealedSeed))
        for index in [0, 4, 5, 20, key.sealedSeed.count - 1] {
            refused(
                alice.signing,
                PostQuantumKey(publicKey: key.publicKey, sealedSeed: key.sealedSeed.flipped(at: index)))
        }
        expect(.invalidArgument) {
            let short = PostQuantumKey(publicKey: Array(key.publicKey.dropLast()), sealedSeed: key.sealedSeed)
            return try custody.ask(
                SignPostQuantum(signing: alice.signing, key: short, context: SignedBytes.envelope, hash: hash))
        }
        // An ML-KEM seed is no ML-DSA seed, and the other way round.
        expect(.dataLoss) {
            let kem = PostQuantumKey(publicKey: key.publicKey, sealedSeed: alice.keys.sealedSeed)
            return try custody.ask(
                SignPostQuantum(signing: alice.signing, key: kem, context: SignedBytes.envelope, hash: hash))
        }
        #expect(
            try custody.ask(
                SignPostQuantum(signing: alice.signing, key: key, context: SignedBytes.envelope, hash: hash)
            ).count
                == PostQuantumKey.signatureSize)
    }

    @Test("post-quantum keys end with the signing key beside them")
    func deletion() throws {
        let alice = try HeldIdentity(custody)
        let key = try custody.ask(CreatePostQuantumKey(signing: alice.signing))
        try custody.ask(DeleteObject(objectClass: .identitySigning, id: alice.signing))
        expect(.notFound) {
            try custody.ask(
                SignPostQuantum(signing: alice.signing, key: key, context: SignedBytes.envelope, hash: hash))
        }
        expect(.notFound) { try custody.ask(CreatePostQuantumKey(signing: alice.signing)) }
    }
}
