import Crypto
import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import TestSupport

/// Orders of the types `secret` and `sign` (Ed25519), as far as the front needs them to go on. Nothing is judged here: that
/// dtad-hsm judges is tested with dtad-hsm.
extension SoftwareCustodian {
    func newSeed(
        _ fiduciary: RecipientKey, order: [UInt8], documents: [[UInt8]], epoch: UInt32
    ) throws -> CreatedSeed {
        try reach("newSeed")
        let secret = Secp256k1Scalar.generate()
        let part1 = try SignedEnvelope(block: order)
        return CreatedSeed(
            sealed: secret.withUnsafeBytes { Array($0) }, publicKey: secret.publicKey.bytes,
            proof: try CommitmentProof.make(for: part1.cid, with: secret))
    }

    func newOrderKey(
        _ fiduciary: RecipientKey, order: [UInt8], documents: [[UInt8]], epoch: UInt32
    ) throws -> CreatedOrderKey {
        try reach("newOrderKey")
        let id = try ObjectID(
            OrderKeyID.bytes(owner: fiduciary.owner.uid, order: SignedEnvelope(block: order).cid))
        let key = Curve25519.Signing.PrivateKey()
        try put(.order, fiduciary.owner, id, Array(key.rawRepresentation))
        return CreatedOrderKey(
            sealed: id.bytes, type: .ed25519, publicKey: Array(key.publicKey.rawRepresentation))
    }

    func release(
        _ fiduciary: RecipientKey, sealed: [UInt8], order: [UInt8], redemption: [UInt8], approvals: [[UInt8]],
        documents: [[UInt8]], received: Int64
    ) throws -> [UInt8] {
        try reach("release")
        let asked = try open(redemption, as: fiduciary)
        return try part4(fiduciary, asked, documents, received, [OrderKind.secret: .bytes(sealed)])
    }

    func signForOrder(
        _ fiduciary: RecipientKey, sealed: [UInt8], order: [UInt8], redemption: [UInt8], approvals: [[UInt8]],
        documents: [[UInt8]], received: Int64
    ) throws -> [UInt8] {
        try reach("signForOrder")
        let asked = try open(redemption, as: fiduciary)
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: secret(.order, ObjectID(sealed)))
        let signature = try key.signature(for: asked.plaintext.request[OrderKind.message]?.bytes ?? [])
        return try part4(fiduciary, asked, documents, received, [OrderKind.signature: .bytes(Array(signature))])
    }

    private func open(
        _ block: [UInt8], as fiduciary: RecipientKey
    ) throws -> (signed: SignedEnvelope, plaintext: OrderRedemption) {
        let signed = try SignedEnvelope(block: block)
        let wrap = try signed.envelope.wrap(for: CID(bytes: fiduciary.cid))
        let key = try contentKey(
            kem: fiduciary.kem, publicKEM: fiduciary.publicKEM, sealedSeed: fiduciary.sealedSeed,
            coreHash: signed.envelope.coreHash, recipient: fiduciary.cid, enc: wrap.enc, key: wrap.key)
        return (signed, try OrderRedemption(EnvelopeOpener.open(signed.envelope, contentKey: key)))
    }

    private func part4(
        _ fiduciary: RecipientKey, _ asked: (signed: SignedEnvelope, plaintext: OrderRedemption),
        _ documents: [[UInt8]], _ received: Int64, _ result: [String: OrderFieldValue]
    ) throws -> [UInt8] {
        let terms = asked.plaintext.terms
        let recipient = documents.compactMap { try? SignedIdentity(block: $0) }.first { $0.cid == terms.recipient }
        guard let recipient else { throw TestFailure("the recipient's document was not brought") }
        let release = try OrderRelease(
            order: asked.plaintext.heading.order, terms: terms, use: asked.plaintext.use, redemption: asked.signed.cid,
            received: received, released: received, approvals: [], result: OrderFields(result))
        return try EnvelopeSealer.seal(
            release.encoded(), content: OrderPartKind.release.contentType, from: CID(bytes: fiduciary.cid),
            to: [recipient], created: received, answering: asked.signed
        ).encoded
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
