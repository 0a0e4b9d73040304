import Crypto
import Foundation
import TestSupport

@testable import DTAFormats

/// Writes `docs/vectors` anew. Private keys, salt and content keys come from fixed labels; the encapsulations are fresh,
/// because the crypto library gives no way to fix them.
enum VectorGenerator {
    static func writeAll() throws {
        let alice = try person("alice")
        let bob = try person("bob")
        let carol = try person("carol")
        try VectorFile.identity.write(identity(alice))

        let key = fixed("content key")
        let other = fixed("other content key")
        let template = try EnvelopeSealer.seal(
            [], content: "text/plain", from: alice.0.cid, to: [bob.0.document], created: 1_760_000_100)
        let header = Envelope.Header(
            from: alice.0.cid, created: 1_760_000_100, previous: nil, thread: Array(fixed("thread").prefix(16)),
            content: template.header.content)
        let envelope = try EnvelopeSealer.seal(
            Array("The secret is safe.".utf8).span, header: header, to: [bob.0.document, carol.0.document],
            salt: fixed("salt"), contentKey: SymmetricKey(data: key))
        let signed = try SignedEnvelope(signing: envelope, sender: alice.0.document, with: alice.0.sign)
        try VectorFile.twoRecipients.write(
            vector(
                signed, about: "An envelope from alice to bob and carol.", sender: alice, recipients: [bob, carol],
                plaintext: "The secret is safe.", key: key, held: [:], refused: [:]))

        let second = [bob, carol].sorted { $0.0.cid < $1.0.cid }
        let dishonest = try OtherKeyEnvelope(
            sender: alice.0, honest: second[0].0, deceived: second[1].0, contentKey: SymmetricKey(data: key),
            otherKey: SymmetricKey(data: other), created: 1_760_000_200)
        try VectorFile.otherKey.write(
            vector(
                dishonest.signed,
                about: "A rightly signed envelope whose second wrap holds another key than the first: "
                    + "its second recipient must refuse it, because the key does not fit commit.",
                sender: alice, recipients: [bob, carol], plaintext: "first content", key: key,
                held: [second[1].0.cid: other], refused: [second[1].0.cid.description: "commit"]))

        try VectorFile.line.write(LineGenerator.vector())
        let open = try PartsGenerator.publicEnvelope()
        try VectorFile.partsPublic.write(open)
        try VectorFile.partsReply.write(PartsGenerator.reply(to: open))
        try VectorFile.partsPublicChunks.write(PartsGenerator.publicChunks())
        try VectorFile.partsChunks.write(PartsGenerator.chunks())
        try VectorFile.partsRecipients.write(PartsGenerator.recipients())
        try VectorFile.order.write(OrderGenerator.vector())
    }

    static func fixed(_ label: String) -> [UInt8] {
        Array(SHA256.hash(data: Array("dta test vector: \(label)".utf8)))
    }

    static func person(_ name: String) throws -> (Person, [UInt8]) {
        let seed = fixed("\(name) signing")
        let person = try Person(
            name, signing: .ed25519(.init(rawRepresentation: seed)),
            mlkemSeed: fixed("\(name) ML-KEM d") + fixed("\(name) ML-KEM z"),
            x25519: .init(rawRepresentation: fixed("\(name) X25519")))
        // Edwards25519 signatures of the library may be randomised: the document's is the one that is written down.
        return (person, seed)
    }

    private static func identity(_ alice: (Person, [UInt8])) throws -> IdentityVector {
        let identity = alice.0.document.identity
        guard case .map(let map) = try DAGCBOR.decode(alice.0.document.block),
            case .list(let list)? = map["signatures"], case .map(let entry)? = list.first,
            case .bytes(let signature)? = entry["sig"]
        else { throw TestFailure("the document has no signature") }
        return IdentityVector(
            about: "An identity with an Ed25519 signing key.", person: PersonVector(alice.0, signingSeed: alice.1),
            signing: hex(identity.signing.tagged), identity: hex(try DAGCBOR.encode(identity.value)),
            hash: hex(try identity.hash),
            signedBytes: hex(try SignedBytes.make(context: SignedBytes.identity, hash: identity.hash)),
            signature: hex(signature))
    }

    private static func vector(
        _ signed: SignedEnvelope, about: String, sender: (Person, [UInt8]), recipients: [(Person, [UInt8])],
        plaintext: String, key: [UInt8], held: [CID: [UInt8]], refused: [String: String]
    ) throws -> EnvelopeVector {
        let envelope = signed.envelope
        guard let sealing = envelope.sealing else { throw TestFailure("the envelope is not sealed") }
        let coreHash = try envelope.coreHash
        let keys = ContentKeys(SymmetricKey(data: key), salt: sealing.salt, coreHash: coreHash)
        let people = recipients.sorted { $0.0.cid < $1.0.cid }
        return EnvelopeVector(
            about: about, sender: PersonVector(sender.0, signingSeed: sender.1),
            recipients: people.map { PersonVector($0.0, signingSeed: $0.1) }, plaintext: hex(plaintext.utf8),
            contentKey: hex(key), salt: hex(sealing.salt),
            core: hex(
                try DAGCBOR.encode(.map(Envelope.core(envelope.header, to: envelope.listed.to, salt: sealing.salt)))),
            coreHash: hex(coreHash),
            wraps: try zip(people, envelope.listed.wraps).map { person, wrap in
                try self.wrap(wrap, for: person.0, coreHash: coreHash, contentKey: held[person.0.cid] ?? key)
            },
            bodyKey: hex(keys.body.withUnsafeBytes { Array($0) }), commit: hex(sealing.commit),
            body: hex(envelope.body ?? []),
            envelope: hex(try DAGCBOR.encode(envelope.value)), innerHash: hex(signed.innerHash),
            signedBytes: hex(try SignedBytes.make(context: SignedBytes.envelope, hash: signed.innerHash)),
            signature: hex(signed.signatures[0].signature), block: hex(signed.block), cid: signed.cid.description,
            refused: refused)
    }

    static func wrap(
        _ wrap: Envelope.Wrap, for person: Person, coreHash: [UInt8], contentKey: [UInt8]
    ) throws -> WrapVector {
        let mlkem = try MLKEM768.PrivateKey(seedRepresentation: person.mlkemSeed, publicKey: nil)
        let ssM = try mlkem.decapsulate(wrap.enc.dropLast(32)).withUnsafeBytes { Array($0) }
        let ctX = Array(wrap.enc.suffix(32))
        let ssX = try person.sharedSecret(ctX)
        // Written out here a second time: the vector is to be a witness of its own.
        let secret = SHA3_256.hash(data: ssM + ssX + ctX + person.kem.suffix(32) + Array(#"\.//^\"#.utf8))
        return WrapVector(
            to: person.cid.description, enc: hex(wrap.enc), key: hex(wrap.key),
            info: hex(ContentKeys.wrapInfo(coreHash: coreHash, recipient: person.cid)), ssM: hex(ssM), ssX: hex(ssX),
            sharedSecret: hex(secret), contentKey: hex(contentKey))
    }
}
