import Crypto
import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport

/// Orders of the types `secret` and `sign` (Ed25519), as far as the front needs them to go on. Nothing is judged here: that
/// dtad-hsm judges is tested with dtad-hsm.
extension SoftwareCustodian {
    func newSeed(_ asked: NewSeed) throws -> CreatedSeed {
        try reach("newSeed")
        let secret = Secp256k1Scalar.generate()
        let part1 = try SignedEnvelope(block: asked.request.order.bytes)
        return CreatedSeed(
            sealed: secret.withUnsafeBytes { Array($0) }, publicKey: secret.publicKey.bytes,
            proof: try CommitmentProof.make(for: part1.cid, with: secret))
    }

    func newOrderKey(_ asked: NewOrderKey) throws -> CreatedOrderKey {
        try reach("newOrderKey")
        let owner = asked.request.fiduciary.owner
        let id = try ObjectID(
            OrderKeyID.bytes(owner: owner.uid, order: SignedEnvelope(block: asked.request.order.bytes).cid))
        let key = Curve25519.Signing.PrivateKey()
        try put(.order, owner, id, Array(key.rawRepresentation))
        return CreatedOrderKey(
            sealed: id.bytes, type: .ed25519, publicKey: Array(key.publicKey.rawRepresentation))
    }

    func release(_ asked: RedemptionRequest) throws -> [UInt8] {
        try reach("release")
        return try part4(asked, open(asked), [OrderKind.secret: .bytes(asked.sealed)])
    }

    func signForOrder(_ asked: RedemptionRequest) throws -> [UInt8] {
        try reach("signForOrder")
        let opened = try open(asked)
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: secret(.order, ObjectID(asked.sealed)))
        let signature = try key.signature(for: opened.plaintext.request[OrderKind.message]?.bytes ?? [])
        return try part4(asked, opened, [OrderKind.signature: .bytes(Array(signature))])
    }

    private func open(_ asked: RedemptionRequest) throws -> (signed: SignedEnvelope, plaintext: OrderRedemption) {
        let signed = try SignedEnvelope(block: asked.redemption.bytes)
        let wrap = try signed.envelope.wrap(for: asked.fiduciary.cid)
        let key = try contentKey(
            OpenKey(recipient: asked.fiduciary, coreHash: signed.envelope.coreHash, wrap: wrap))
        return (signed, try OrderRedemption(EnvelopeOpener.open(signed.envelope, contentKey: key)))
    }

    private func part4(
        _ asked: RedemptionRequest, _ opened: (signed: SignedEnvelope, plaintext: OrderRedemption),
        _ result: [String: OrderFieldValue]
    ) throws -> [UInt8] {
        let terms = opened.plaintext.terms
        let recipient = asked.documents.compactMap { try? SignedIdentity(block: $0.bytes) }
            .first { $0.cid == terms.recipient }
        guard let recipient else { throw TestFailure("the recipient's document was not brought") }
        let release = try OrderRelease(
            order: opened.plaintext.heading.order, terms: terms, use: opened.plaintext.use,
            redemption: opened.signed.cid, received: asked.received, released: asked.received, approvals: [],
            result: OrderFields(result))
        return try EnvelopeSealer.seal(
            release.encoded(), content: OrderPartKind.release.contentType, from: asked.fiduciary.cid,
            to: [recipient], created: asked.received, answering: opened.signed
        ).encoded
    }

    func createShare() -> CreatedShare {
        let share = Secp256k1Scalar.generate()
        return CreatedShare(sealed: share.withUnsafeBytes { Array($0) }, publicKey: share.publicKey.bytes)
    }

    // MARK: Epochs

    func newEpoch(_ number: UInt32) throws {
        try reach("newEpoch")
        guard FileManager.default.createFile(atPath: epochFile(number), contents: Data()) else {
            throw TestFailure("cannot write \(epochFile(number))")
        }
    }

    func destroyEpoch(_ number: UInt32) throws {
        try reach("destroyEpoch")
        try? FileManager.default.removeItem(atPath: epochFile(number))
    }

    func epochs() throws -> Set<UInt32> {
        Set(
            try FileManager.default.contentsOfDirectory(atPath: directory)
                .filter { $0.hasPrefix("epoch-") }.compactMap { UInt32($0.dropFirst(6)) })
    }

    private func epochFile(_ number: UInt32) -> String { "\(directory)/epoch-\(number)" }
}
