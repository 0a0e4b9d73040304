import Crypto
import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport
import Testing

/// An identity whose private halves are on a token.
struct HeldIdentity {
    let signing = ObjectID.random()
    let kem = ObjectID.random()
    let owner: ObjectOwner
    let keys: CreatedIdentityKeys
    let document: SignedIdentity

    /// - Parameter old: whom it replaces, with that one's consent.
    init(
        _ custody: CustodyConnection, owner: ObjectOwner = ObjectOwner(uid: 1000), name: String = "alice",
        replacing old: HeldIdentity? = nil
    ) throws {
        self.owner = owner
        keys = try custody.ask(CreateIdentity(owner: owner, signing: signing, kem: kem))
        let key = try PublicKey(keys.signingType == .ed25519 ? .ed25519 : .p256, raw: keys.signing)
        let identity = try Identity(
            name: name, created: 1_700_000_000, signing: SigningKey(key), kem: keys.kem, previous: old?.document.cid)
        let signing = signing
        let sign: DocumentSign = { try custody.ask(SignDocument(id: signing, context: $0, hash: $1)) }
        if let old {
            document = try SignedIdentity(
                signing: identity, with: sign, replacing: old.document,
                by: [.previous { try custody.ask(SignDocument(id: old.signing, context: $0, hash: $1)) }])
        } else {
            document = try SignedIdentity(signing: identity, with: sign)
        }
    }

    /// Opens a wrap, with what the arguments name in place of what is right.
    func openKey(
        _ custody: CustodyConnection, coreHash: [UInt8], enc: [UInt8], key: [UInt8], kem: ObjectID? = nil,
        owner: ObjectOwner? = nil, publicKEM: [UInt8]? = nil, sealedSeed: [UInt8]? = nil, recipient: CID? = nil
    ) throws -> [UInt8] {
        let recipient = RecipientKey(
            kem: kem ?? self.kem, owner: owner ?? self.owner, publicKEM: publicKEM ?? keys.kem,
            sealedSeed: sealedSeed ?? keys.sealedSeed, cid: recipient ?? document.cid)
        return try custody.ask(
            OpenKey(recipient: recipient, coreHash: coreHash, wrap: Envelope.Wrap(enc: enc, key: key)))
    }
}

extension [UInt8] {
    /// The same with one bit flipped.
    func flipped(at index: Int) -> [UInt8] {
        var copy = self
        copy[index] ^= 1
        return copy
    }
}

@Suite("Identities' keys", .ownThread)
struct IdentityTests {
    let token: TestToken
    let custody: CustodyConnection

    init() throws {
        token = try TestToken()
        custody = try HSMProcess(token).connect()
    }

    @Test("an envelope to two identities is opened by each of them through the token, in any process")
    func envelope() throws {
        let alice = try HeldIdentity(custody, name: "alice")
        let bob = try HeldIdentity(custody, owner: ObjectOwner(uid: 1001), name: "bob")
        let plaintext = Array("for both".utf8)
        let envelope = try EnvelopeSealer.seal(
            plaintext, content: "text/plain", from: alice.document.cid, to: [alice.document, bob.document],
            created: 1_700_000_000)
        _ = try SignedEnvelope(signing: envelope, sender: alice.document) {
            try custody.ask(SignDocument(id: alice.signing, context: $0, hash: $1))
        }
        let hash = try envelope.coreHash
        for connection in [custody, try HSMProcess(token).connect()] {
            for identity in [alice, bob] {
                let wrap = try envelope.wrap(for: identity.document.cid)
                let key = try identity.openKey(connection, coreHash: hash, enc: wrap.enc, key: wrap.key)
                #expect(try EnvelopeOpener.open(envelope, contentKey: key) == plaintext)
            }
        }
    }

    @Test("a wrap opens only with everything that it was made for")
    func binding() throws {
        let alice = try HeldIdentity(custody)
        let other = try HeldIdentity(custody, name: "other")
        let envelope = try EnvelopeSealer.seal(
            [1], content: "text/plain", from: alice.document.cid, to: [alice.document], created: 1_700_000_000)
        let hash = try envelope.coreHash
        let wrap = try envelope.wrap(for: alice.document.cid)
        func refused(_ code: ErrorCode, _ body: () throws -> [UInt8], line: SourceLocation = #_sourceLocation) {
            expect(code, sourceLocation: line, body)
        }
        let (enc, key) = (wrap.enc, wrap.key)
        refused(.dataLoss) { try alice.openKey(custody, coreHash: hash.flipped(at: 0), enc: enc, key: key) }
        refused(.dataLoss) { try alice.openKey(custody, coreHash: hash, enc: enc.flipped(at: 0), key: key) }
        refused(.dataLoss) { try alice.openKey(custody, coreHash: hash, enc: enc.flipped(at: 1100), key: key) }
        refused(.dataLoss) { try alice.openKey(custody, coreHash: hash, enc: enc, key: key.flipped(at: 47)) }
        refused(.dataLoss) {
            try alice.openKey(custody, coreHash: hash, enc: enc, key: key, recipient: other.document.cid)
        }
        refused(.dataLoss) { try alice.openKey(custody, coreHash: hash, enc: enc, key: key, kem: other.kem) }
        refused(.dataLoss) {
            try alice.openKey(custody, coreHash: hash, enc: enc, key: key, publicKEM: other.keys.kem)
        }
        refused(.dataLoss) {
            try alice.openKey(custody, coreHash: hash, enc: enc, key: key, sealedSeed: other.keys.sealedSeed)
        }
        refused(.permissionDenied) {
            try alice.openKey(custody, coreHash: hash, enc: enc, key: key, owner: ObjectOwner(uid: 1))
        }
        for index in [0, 4, 5, 20, alice.keys.sealedSeed.count - 1] {
            let seed = alice.keys.sealedSeed.flipped(at: index)
            refused(.dataLoss) { try alice.openKey(custody, coreHash: hash, enc: enc, key: key, sealedSeed: seed) }
        }
        // X25519 points of small order: u = 0 and u = 1 (RFC 7748 §6.1).
        for first in [UInt8(0), 1] {
            let point = [first] + [UInt8](repeating: 0, count: 31)
            refused(.dataLoss) {
                try alice.openKey(custody, coreHash: hash, enc: Array(enc.prefix(1088)) + point, key: key)
            }
        }
        #expect(try alice.openKey(custody, coreHash: hash, enc: enc, key: key).count == 32)
        #expect(!custody.isBroken)
    }

    @Test("dtad-hsm opens what swift-crypto's own X-Wing seals", arguments: 0..<3)
    func independent(round: Int) throws {
        let alice = try HeldIdentity(custody)
        let hash = (0..<32).map { _ in UInt8.random(in: 0...255) }
        let contentKey = (0..<32).map { _ in UInt8.random(in: 0...255) }
        let info = Array("dta/envelope/1".utf8) + [0] + hash + alice.document.cid.bytes
        var sender = try HPKE.Sender(
            recipientKey: XWingMLKEM768X25519.PublicKey(rawRepresentation: alice.keys.kem),
            ciphersuite: .XWingMLKEM768X25519_SHA256_AES_GCM_256, info: Data(info))
        let key = Array(try sender.seal(contentKey))
        #expect(
            try alice.openKey(custody, coreHash: hash, enc: Array(sender.encapsulatedKey), key: key) == contentKey)
    }

    @Test("an identity's key signs documents in their contexts, and the audit's context is the agent's alone")
    func contexts() throws {
        let alice = try HeldIdentity(custody)
        let agent = ObjectID.random()
        let agentKeys = try custody.ask(CreateIdentity(owner: .agent, signing: agent, kem: .random()))
        let hash = [UInt8](repeating: 3, count: 32)
        for context in [SignedBytes.identity, SignedBytes.revocation, SignedBytes.envelope, SignedBytes.approval] {
            let signature = try custody.ask(SignDocument(id: alice.signing, context: context, hash: hash))
            try alice.document.identity.signing.verify(signature, context: context, hash: hash)
            // Its own document is the only one that the agent signs.
            if context == SignedBytes.identity { continue }
            expect(.permissionDenied) { try custody.ask(SignDocument(id: agent, context: context, hash: hash)) }
        }
        let checkpoint = try custody.ask(SignDocument(id: agent, context: SignedBytes.audit, hash: hash))
        let agentKey = try PublicKey(.ed25519, raw: agentKeys.signing)
        #expect(
            try agentKey.isValid(
                signature: checkpoint, message: SignedBytes.make(context: SignedBytes.audit, hash: hash)))
        expect(.permissionDenied) {
            try custody.ask(SignDocument(id: alice.signing, context: SignedBytes.audit, hash: hash))
        }
        for context in ["", "dta/identity/2", "ssh", "dta/identity/1\0", "DTA/identity/1"] {
            expect(.permissionDenied) { try custody.ask(SignDocument(id: alice.signing, context: context, hash: hash)) }
        }
        expect(.invalidArgument) {
            try custody.ask(SignDocument(id: alice.signing, context: "dta/identity/1", hash: [1]))
        }
    }

    @Test("an identity is made completely or not at all")
    func allOrNothing() throws {
        let (signing, kem) = (ObjectID.random(), ObjectID.random())
        _ = try custody.ask(GenerateKey(type: .aes256, owner: ObjectOwner(uid: 7), id: kem))
        expect(.failedPrecondition) {
            try custody.ask(CreateIdentity(owner: ObjectOwner(uid: 7), signing: signing, kem: kem))
        }
        expect(.invalidArgument) {
            try custody.ask(CreateIdentity(owner: ObjectOwner(uid: 7), signing: signing, kem: signing))
        }
        #expect(try custody.ask(ListObjects(objectClass: .identitySigning)).isEmpty)
        #expect(try custody.ask(ListObjects(objectClass: .identityKEM)).isEmpty)
        #expect(try custody.ask(ListObjects(objectClass: .user)).map(\.id) == [kem])
    }

    @Test("a row that dtad-hsm sealed for the front opens for the same purpose and id only")
    func state() throws {
        let row = Array("a row".utf8)
        let blob = try custody.ask(SealState(plaintext: row, purpose: "rows", id: [1, 2]))
        #expect(try custody.ask(UnsealState(sealed: blob, purpose: "rows", id: [1, 2])) == row)
        #expect(blob.count == row.count + 33 && blob.prefix(5) == [1, 0, 0, 0, 1])
        expect(.dataLoss) { try custody.ask(UnsealState(sealed: blob, purpose: "rowz", id: [1, 2])) }
        expect(.dataLoss) { try custody.ask(UnsealState(sealed: blob, purpose: "rows", id: [1, 3])) }
        expect(.dataLoss) { try custody.ask(UnsealState(sealed: [], purpose: "rows", id: [1, 2])) }
        for index in blob.indices {
            expect(.dataLoss) {
                try custody.ask(UnsealState(sealed: blob.flipped(at: index), purpose: "rows", id: [1, 2]))
            }
        }
        let large = [UInt8](repeating: 9, count: 1 << 20)
        let sealed = try custody.ask(SealState(plaintext: large, purpose: "rows", id: []))
        #expect(try custody.ask(UnsealState(sealed: sealed, purpose: "rows", id: [])) == large)
        expect(.invalidArgument) { try custody.ask(SealState(plaintext: large + [0], purpose: "rows", id: [])) }
        #expect(!custody.isBroken)
    }

    @Test("a sealed seed does not open as a row of the state")
    func seedIsNotState() throws {
        let alice = try HeldIdentity(custody)
        let id = Array(SHA256.hash(data: alice.keys.kem))
        expect(.dataLoss) {
            try custody.ask(UnsealState(sealed: alice.keys.sealedSeed, purpose: "ml-kem-768 seed", id: id))
        }
    }

    @Test("a new sealing key is used by every process that starts after it, and the old one still opens")
    func keyNumbers() throws {
        let old = try custody.ask(SealState(plaintext: [1], purpose: "p", id: []))
        let made = try token.pkcs11Tool([
            "--keygen", "--key-type", "AES:32", "--sensitive", "--label", "dta/state/2", "--id", "02",
        ])
        #expect(made.status == 0, "\(made.errors)")
        let fresh = try HSMProcess(token).connect()
        let new = try fresh.ask(SealState(plaintext: [2], purpose: "p", id: []))
        #expect(new.prefix(5) == [1, 0, 0, 0, 2])
        #expect(try fresh.ask(UnsealState(sealed: old, purpose: "p", id: [])) == [1])
        // A process that started before finds the key when it meets its number.
        #expect(try custody.ask(UnsealState(sealed: new, purpose: "p", id: [])) == [2])
    }
}
