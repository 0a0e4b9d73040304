import Crypto
import CustodyProtocol
import DTAFormats
import DTASystem
import TestSupport
import Testing

/// An id of the token that is used a second time, by a front that was taken over.
@Suite("What was sealed for an identity stays with that identity's keys", .ownThread)
struct PostQuantumReuseTests {
    let token: TestToken
    let custody: CustodyConnection
    private let hash = [UInt8](repeating: 3, count: 32)

    init() throws {
        token = try TestToken()
        custody = try HSMProcess(token).connect()
    }

    private func sign(_ signing: ObjectID, _ key: PostQuantumKey, by connection: CustodyConnection? = nil) throws
        -> [UInt8]
    {
        try (connection ?? custody).ask(
            SignPostQuantum(signing: signing, key: key, context: SignedBytes.envelope, hash: hash))
    }

    @Test("a signing key that is made anew under the same id does not revive the post-quantum key of the one before")
    func revived() throws {
        let alice = try HeldIdentity(custody)
        let key = try custody.ask(CreatePostQuantumKey(signing: alice.signing))
        let other = try HSMProcess(token).connect()
        for connection in [custody, other] { _ = try sign(alice.signing, key, by: connection) }
        try custody.ask(DeleteObject(objectClass: .identitySigning, id: alice.signing))
        try custody.ask(DeleteObject(objectClass: .identityKEM, id: alice.kem))
        _ = try custody.ask(CreateIdentity(owner: alice.owner, signing: alice.signing, kem: alice.kem))
        try other.ask(ForgetObject(id: alice.signing))
        for connection in [custody, other] {
            expect(.dataLoss) { try sign(alice.signing, key, by: connection) }
            let fresh = try connection.ask(CreatePostQuantumKey(signing: alice.signing))
            #expect(try sign(alice.signing, fresh, by: connection).count == PostQuantumKey.signatureSize)
        }
        // Nor does the seed that stood beside the old X25519 key open anything with the new one.
        let envelope = try EnvelopeSealer.seal(
            [1], content: "text/plain", from: alice.document.cid, to: [alice.document], created: 1_700_000_000)
        let wrap = try envelope.wrap(for: alice.document.cid)
        expect(.dataLoss) {
            try alice.openKey(custody, coreHash: envelope.coreHash, enc: wrap.enc, key: wrap.key)
        }
        #expect(!custody.isBroken && !other.isBroken)
    }

    @Test("a seed that an earlier release sealed signs nothing, and says which command helps")
    func unbound() throws {
        let alice = try HeldIdentity(custody)
        let old = try FirstSeed(alice, token)
        do {
            _ = try sign(alice.signing, old.key)
            Issue.record("an unbound seed signed")
        } catch {
            let error = DTAError(error)
            #expect(error.code == .failedPrecondition && error.hint.contains("binds it"), "\(error)")
        }
        for version: UInt8 in [0, 2, 3] {
            let marked = PostQuantumKey(
                publicKey: old.key.publicKey, sealedSeed: [version] + old.key.sealedSeed.dropFirst())
            expect(.dataLoss) { try sign(alice.signing, marked) }
        }
        let new = try custody.ask(CreatePostQuantumKey(signing: alice.signing))
        #expect(new.sealedSeed.first == 2)
        // As an earlier release would read it.
        let marked = PostQuantumKey(publicKey: new.publicKey, sealedSeed: [1] + new.sealedSeed.dropFirst())
        expect(.dataLoss) { try sign(alice.signing, marked) }
    }

    @Test("a seed with a field or a condition that this dtad-hsm does not know is refused")
    func strictness() throws {
        let alice = try HeldIdentity(custody)
        let key = try custody.ask(CreatePostQuantumKey(signing: alice.signing))
        let tool = try SealingTool()
        let aad = try seedBinding("dta/seal/2", alice, key.publicKey)
        let plaintext = try tool.open(key.sealedSeed, "seal", aad: aad, at: .init(token))
        guard case .map(let map) = try DAGCBOR.decode(Array(plaintext.dropFirst(32))) else { return }
        #expect(map["signing"] == .bytes(Array(SHA256.hash(data: alice.document.identity.signing.publicKey.spkiDER))))
        #expect(map["public"] == .bytes(Array(SHA256.hash(data: key.publicKey))))
        let changes: [(String, DAGCBOR.Value?)] = [
            ("more", .unsigned(1)), ("conditions", .map(["delay": .unsigned(1)])), ("conditions", nil),
            ("signing", .bytes(hash)), ("signing", .bytes([])), ("signing", nil), ("public", .bytes(hash)),
            ("public", nil),
        ]
        for (field, value) in changes {
            var changed = map
            changed[field] = value
            let sealed = try tool.seal(
                plaintext.prefix(32) + DAGCBOR.encode(.map(changed)), version: 2, "seal", aad: aad, at: .init(token))
            expect(.dataLoss) { try sign(alice.signing, PostQuantumKey(publicKey: key.publicKey, sealedSeed: sealed)) }
        }
    }
}

/// What an earlier release sealed of an identity's post-quantum key, whose seed the test knows.
struct FirstSeed {
    let secret: MLDSA65.PrivateKey
    let key: PostQuantumKey

    init(_ identity: HeldIdentity, _ token: TestToken) throws {
        secret = try MLDSA65.PrivateKey()
        let publicKey = Array(secret.publicKey.rawRepresentation)
        key = PostQuantumKey(
            publicKey: publicKey,
            sealedSeed: try SealingTool().seal(
                Array(secret.seedRepresentation), "seal", aad: seedBinding("dta/seal/1", identity, publicKey),
                at: .init(token)))
    }
}

func seedBinding(_ domain: String, _ identity: HeldIdentity, _ publicKey: [UInt8]) throws -> [UInt8] {
    try associatedData(
        domain, 1, "ml-dsa-65 seed", identity.owner, identity.signing.bytes + Array(SHA256.hash(data: publicKey)))
}
