import CustodyProtocol
import DTAFormats
import DTASystem
import GRDB

/// Opening and sealing the envelopes of parts.
extension OrderService {
    /// The own identity to which an envelope is sealed.
    /// - Parameter party: of whose line it has to be; nil: of whichever.
    func recipientHere(_ signed: SignedEnvelope, of party: CID? = nil) throws -> IdentityRecord? {
        let to = try explaining("the envelope \(signed.cid) cannot be opened") {
            try signed.envelope.recipients(blocks.bytes)
        }
        return try lookup.reader(among: to, of: party)
    }

    /// Opens a verified envelope as one of its recipients.
    /// - Returns: the plaintext, which the caller wipes where it holds a secret.
    func open(_ signed: SignedEnvelope, as own: IdentityRecord, _ custodian: any Custodian) throws -> [UInt8] {
        let (wrap, coreHash) = try explaining("the envelope \(signed.cid) cannot be opened") {
            (try signed.envelope.wrap(for: own.cid, blocks.bytes), try signed.envelope.coreHash)
        }
        var key = try custodian.openKey(
            kem: own.kemObject, owner: ObjectOwner(uid: own.owner.uid), publicKEM: own.publicKEM,
            sealedSeed: own.sealedSeed, coreHash: coreHash, recipient: own.cid.bytes, enc: wrap.enc, key: wrap.key)
        defer { wipe(&key) }
        return try explaining("the envelope \(signed.cid) cannot be opened") {
            try EnvelopeOpener.open(signed.envelope, contentKey: key)
        }
    }

    /// A verified part, opened where it can be.
    func letter(
        _ signed: SignedEnvelope, _ kind: OrderPartKind, standing: String, as own: IdentityRecord?,
        _ custodian: any Custodian
    ) throws -> OpenedPart {
        guard let own else { return OpenedPart(signed, kind, nil, standing: standing) }
        var plaintext = try open(signed, as: own, custodian)
        defer { wipe(&plaintext) }
        let part = try explaining("the \(kind.rawValue) \(signed.cid) is not what its envelope says") {
            try OrderPart(plaintext, as: kind)
        }
        return OpenedPart(signed, kind, part, standing: standing)
    }

    /// A part that was stored here before, opened.
    /// - Parameter party: as whom it is opened; nil: as whichever recipient is here.
    func part(
        _ cid: CID, as party: CID? = nil, _ custodian: any Custodian
    ) throws -> (signed: SignedEnvelope, own: IdentityRecord, part: OrderPart) {
        let signed = try envelopes.verified(cid)
        let kind = try OrderPartKind(of: signed)
        guard let own = try recipientHere(signed, of: party) else {
            throw DTAError(
                .permissionDenied, "the \(kind.rawValue) \(cid) is sealed to others: nobody on this host can read it")
        }
        let letter = try letter(signed, kind, standing: Standing.current.name, as: own, custodian)
        guard let part = letter.part else { throw DTAError(.internal, "the \(kind.rawValue) \(cid) was not opened") }
        return (signed, own, part)
    }

    /// Part 1 as its fiduciary reads it.
    func order(_ record: OrderRecord, _ custodian: any Custodian) throws -> (
        signed: SignedEnvelope, own: IdentityRecord, order: Order
    ) {
        let (signed, own, part) = try part(record.cid, as: record.terms.fiduciary, custodian)
        guard case .order(let order) = part else { throw DTAError(.internal, "\(record.cid) is no part 1") }
        return (signed, own, order)
    }

    // MARK: Making

    /// Seals and signs a part. It is stored nowhere by that.
    /// - Parameters:
    ///   - recipients: as the terms name them; each one's newest gets it. Those who are not current here are passed
    ///     over, but for `needed`.
    ///   - needed: without whom the part makes no sense.
    func seal(
        _ part: OrderPart, from own: IdentityRecord, to recipients: [CID], needed: [CID] = [],
        answering previous: SignedEnvelope?, _ custodian: any Custodian
    ) throws -> OpenedPart {
        let to = try lookup.documents(of: recipients + [own.cid], needed: needed + [own.cid])
        let kind = part.kind
        let envelope = try explaining("the \(kind.rawValue) cannot be sealed") {
            var plaintext = try part.encoded()
            defer { wipe(&plaintext) }
            return try EnvelopeSealer.seal(
                plaintext, content: kind.contentType, from: own.cid, to: to, created: clock.now,
                answering: previous)
        }
        return try sign(envelope, part, from: own, custodian)
    }

    /// Signs an envelope as the part that it holds.
    func sign(
        _ envelope: Envelope, _ part: OrderPart?, from own: IdentityRecord, _ custodian: any Custodian
    ) throws -> OpenedPart {
        let signed = try envelopes.sign(envelope, own, try blocks.document(own.cid), custodian)
        return OpenedPart(signed, try OrderPartKind(of: signed), part)
    }

}

extension IdentityRecord {
    /// With what dtad-hsm opens what is sealed to it.
    var recipientKey: RecipientKey {
        RecipientKey(
            kem: kemObject, owner: ObjectOwner(uid: owner.uid), publicKEM: publicKEM, sealedSeed: sealedSeed,
            cid: cid.bytes)
    }
}
