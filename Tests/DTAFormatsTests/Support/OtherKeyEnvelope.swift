import Crypto

@testable import DTAFormats

/// What a dishonest sender makes: the second recipient's wrap holds a key of its own.
struct OtherKeyEnvelope {
    let signed: SignedEnvelope

    init(sender: Person, honest: Person, deceived: Person, created: Int64 = 1_760_000_100) throws {
        try self.init(
            sender: sender, honest: honest, deceived: deceived, contentKey: SymmetricKey(size: .bits256),
            otherKey: SymmetricKey(size: .bits256), created: created)
    }

    init(
        sender: Person, honest: Person, deceived: Person, contentKey: SymmetricKey, otherKey: SymmetricKey,
        created: Int64
    ) throws {
        let template = try EnvelopeSealer.seal(
            [], content: "text/plain", from: sender.cid, to: [honest.document, deceived.document], created: created)
        let salt = template.sealing?.salt ?? []
        let honestly = try EnvelopeSealer.seal(
            Array("first content".utf8).span, header: template.header, to: [honest.document, deceived.document],
            salt: salt,
            contentKey: contentKey)
        let coreHash = try honestly.coreHash
        let wraps = try honestly.listed.to.map { cid in
            try cid == deceived.cid
                ? EnvelopeSealer.wrap(otherKey, for: deceived.document.identity, named: cid, coreHash: coreHash)
                : honestly.wrap(for: cid)
        }
        let envelope = Envelope(
            header: template.header,
            sealing: .init(
                recipients: .listed(to: honestly.listed.to, wraps: wraps), salt: salt,
                commit: honestly.sealing?.commit ?? []),
            content: honestly.content)
        signed = try SignedEnvelope(signing: envelope, sender: sender.document, with: sender.sign)
    }
}
