import Crypto
import Foundation
import TestSupport

@testable import DTAFormats

/// Somebody with an identity whose private keys the test holds.
struct Person {
    enum Signing {
        case ed25519(Curve25519.Signing.PrivateKey)
        case p256(P256.Signing.PrivateKey)
    }

    let signing: Signing
    let mlkemSeed: [UInt8]
    let x25519: Curve25519.KeyAgreement.PrivateKey
    let document: SignedIdentity

    var cid: CID { document.cid }
    var kem: [UInt8] { document.identity.kem }

    init(_ name: String, p256: Bool = false) throws {
        try self.init(
            name, signing: p256 ? .p256(.init()) : .ed25519(.init()),
            mlkemSeed: Array(MLKEM768.PrivateKey().seedRepresentation), x25519: .init())
    }

    init(
        _ name: String, signing: Signing, mlkemSeed: [UInt8], x25519: Curve25519.KeyAgreement.PrivateKey,
        created: Int64 = 1_760_000_000
    ) throws {
        self.signing = signing
        self.mlkemSeed = mlkemSeed
        self.x25519 = x25519
        let identity = try Identity(
            name: name, created: created, signing: Person.publicKey(signing),
            kem: Person.kem(mlkemSeed: mlkemSeed, x25519: x25519))
        document = try SignedIdentity(signing: identity) { try Person.sign($0, $1, with: signing) }
    }

    static func kem(mlkemSeed: [UInt8], x25519: Curve25519.KeyAgreement.PrivateKey) throws -> [UInt8] {
        let mlkem = try MLKEM768.PrivateKey(seedRepresentation: mlkemSeed, publicKey: nil)
        return Array(mlkem.publicKey.rawRepresentation) + Array(x25519.publicKey.rawRepresentation)
    }

    static func publicKey(_ signing: Signing) throws -> SigningKey {
        switch signing {
        case .ed25519(let key): try SigningKey(PublicKey(.ed25519, raw: Array(key.publicKey.rawRepresentation)))
        case .p256(let key): try SigningKey(PublicKey(.p256, raw: Array(key.publicKey.x963Representation)))
        }
    }

    static func sign(_ context: String, _ hash: [UInt8], with signing: Signing) throws -> [UInt8] {
        let message = try SignedBytes.make(context: context, hash: hash)
        switch signing {
        case .ed25519(let key): return Array(try key.signature(for: message))
        case .p256(let key): return Array(try key.signature(for: message).rawRepresentation)
        }
    }

    func sign(_ context: String, _ hash: [UInt8]) throws -> [UInt8] {
        try Person.sign(context, hash, with: signing)
    }

    /// Seals and signs.
    func seal(_ text: String, to people: [Person], answering previous: SignedEnvelope? = nil) throws -> SignedEnvelope {
        let envelope = try EnvelopeSealer.seal(
            Array(text.utf8), content: "text/plain", from: cid, to: people.map(\.document), created: 1_760_000_100,
            answering: previous)
        return try SignedEnvelope(signing: envelope, sender: document, with: sign)
    }

    /// X25519 as a token computes it.
    func sharedSecret(_ ctX: [UInt8]) throws -> [UInt8] {
        let secret = try x25519.sharedSecretFromKeyAgreement(with: .init(rawRepresentation: ctX))
        return secret.withUnsafeBytes { Array($0) }
    }

    /// The content key that a wrap gives this person, whoever it was made for.
    func unwrap(_ wrap: Envelope.Wrap, of envelope: Envelope, as recipient: CID? = nil) throws -> [UInt8] {
        try KeyUnwrapping.unwrapContentKey(
            coreHash: envelope.coreHash, recipient: recipient ?? cid, enc: wrap.enc, key: wrap.key, publicKEM: kem,
            mlkemSeed: mlkemSeed, x25519: sharedSecret)
    }

    func open(_ signed: SignedEnvelope, from sender: Person) throws -> String {
        try signed.verify(sender: sender.document)
        let wrap = try signed.envelope.wrap(for: cid)
        let key = try unwrap(wrap, of: signed.envelope)
        return String(decoding: try EnvelopeOpener.open(signed.envelope, contentKey: key), as: UTF8.self)
    }
}
