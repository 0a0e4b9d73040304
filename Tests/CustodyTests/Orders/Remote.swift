import Crypto
import CustodyProtocol
import DTAFormats
import Foundation

/// Somebody on another host, whose keys the token does not have.
struct Remote {
    let signing: Curve25519.Signing.PrivateKey
    let mlkem: MLKEM768.PrivateKey
    let x25519: Curve25519.KeyAgreement.PrivateKey
    let document: SignedIdentity

    var cid: CID { document.cid }

    private init(
        _ name: String, replacing old: Remote?, make: (Identity, @escaping DocumentSign) throws -> SignedIdentity
    ) throws {
        (signing, mlkem, x25519) = (.init(), try .init(), .init())
        let key = signing
        let identity = try Identity(
            name: name, created: 1_700_000_000,
            signing: SigningKey(PublicKey(.ed25519, raw: Array(signing.publicKey.rawRepresentation))),
            kem: Array(mlkem.publicKey.rawRepresentation) + Array(x25519.publicKey.rawRepresentation),
            previous: old?.cid)
        document = try make(identity) { try Remote.sign($0, $1, with: key) }
    }

    init(_ name: String) throws {
        try self.init(name, replacing: nil) { try SignedIdentity(signing: $0, with: $1) }
    }

    /// New keys, with the consent of the old ones.
    func rotated() throws -> Remote {
        try Remote("rotated", replacing: self) { identity, sign in
            try SignedIdentity(
                signing: identity, with: sign, replacing: document, by: [.previous(sign: self.sign)])
        }
    }

    /// Somebody who says that he replaces `victim`, in a document that `victim` never signed.
    static func liar(about victim: Remote) throws -> Remote {
        try Remote("liar", replacing: victim) { identity, sign in
            let hash = try identity.hash
            let signatures = try ["self", "previous"].map { role in
                DAGCBOR.Value.map(["by": .text(role), "sig": .bytes(try sign(SignedBytes.identity, hash))])
            }
            let identity = try DAGCBOR.decode(identity.encoded)
            return try SignedIdentity(
                block: DAGCBOR.encode(.map(["identity": identity, "signatures": .list(signatures)])))
        }
    }

    private static func sign(
        _ context: String, _ hash: [UInt8], with key: Curve25519.Signing.PrivateKey
    ) throws -> [UInt8] {
        Array(try key.signature(for: SignedBytes.make(context: context, hash: hash)))
    }

    func sign(_ context: String, _ hash: [UInt8]) throws -> [UInt8] { try Remote.sign(context, hash, with: signing) }

    /// A part, sealed and signed.
    func part(
        _ kind: OrderPartKind, _ plaintext: [UInt8], to recipients: [SignedIdentity],
        answering previous: SignedEnvelope? = nil
    ) throws -> SignedEnvelope {
        let envelope = try EnvelopeSealer.seal(
            plaintext, content: kind.contentType, from: cid, to: recipients, created: 1_760_000_000,
            answering: previous)
        return try SignedEnvelope(signing: envelope, sender: document, with: sign)
    }

    func approval(
        of redemption: CID, order: CID, use: Int = 1, decision: OrderApproval.Decision = .approve,
        expires: Int64 = 4_000_000_000
    ) throws -> SignedApproval {
        try SignedApproval(
            signing: OrderApproval(
                order: order, redemption: redemption, use: use, decision: decision, expires: expires, by: cid),
            approver: document, with: sign)
    }

    func revocation() throws -> SignedRevocation {
        try SignedRevocation(revoking: document, at: 1, by: .previous(sign: sign))
    }

    func open(_ envelope: Envelope) throws -> [UInt8] {
        let wrap = try envelope.wrap(for: cid)
        let key = try KeyUnwrapping.unwrapContentKey(
            coreHash: envelope.coreHash, recipient: cid, enc: wrap.enc, key: wrap.key,
            publicKEM: document.identity.kem, mlkemSeed: mlkem.seedRepresentation
        ) { point in
            try x25519.sharedSecretFromKeyAgreement(with: .init(rawRepresentation: point)).withUnsafeBytes { Array($0) }
        }
        return try EnvelopeOpener.open(envelope, contentKey: key)
    }
}

extension HeldIdentity {
    var recipientKey: RecipientKey {
        RecipientKey(
            kem: kem, owner: owner, publicKEM: keys.kem, sealedSeed: keys.sealedSeed, cid: document.cid)
    }

    /// A part, sealed and signed with the token's key.
    func part(
        _ custody: CustodyConnection, _ kind: OrderPartKind, _ plaintext: [UInt8], to recipients: [SignedIdentity],
        answering previous: SignedEnvelope? = nil
    ) throws -> SignedEnvelope {
        try sign(
            custody,
            EnvelopeSealer.seal(
                plaintext, content: kind.contentType, from: document.cid, to: recipients, created: 1_760_000_000,
                answering: previous))
    }

    func sign(_ custody: CustodyConnection, _ envelope: Envelope) throws -> SignedEnvelope {
        try SignedEnvelope(signing: envelope, sender: document) {
            try custody.ask(SignDocument(id: signing, context: $0, hash: $1))
        }
    }
}

extension SignedEnvelope {
    /// Under the same envelope, the signature of a stranger.
    func signed(by stranger: Remote) throws -> [UInt8] {
        let signature = try stranger.sign(SignedBytes.envelope, innerHash)
        return try DAGCBOR.encode(
            .map([
                "envelope": DAGCBOR.decode(envelope.encoded),
                "signatures": .list([.map(["by": .text("self"), "sig": .bytes(signature)])]),
            ]))
    }
}
