import CustodyProtocol
import DTABytes
import DTACore
import DTAEnvelopes
import DTAFormats
import DTAIdentities
import DTALedger
import DTASystem

/// Opens, seals and signs the parts of orders for one request, with the request's dtad-hsm. It knows no rows.
///
/// A part is opened once: its contents stay known until the request is over, and parts that were sealed here are known
/// without opening. Only releases are opened each time: each holds a secret, which the caller wipes.
final class PartPost {
    let custodian: any Custodian
    private let lookup: PartyLookup
    private let envelopes: EnvelopeService
    private let clock: WallClock
    private var known: [Reading: OrderPart] = [:]

    /// A part, and the identity that opened it. The same part may not open for another of its recipients.
    private struct Reading: Hashable {
        let part: CID
        /// Nil: it was made here, and reads the same for every recipient.
        let reader: CID?
    }

    init(_ custodian: any Custodian, lookup: PartyLookup, envelopes: EnvelopeService, clock: WallClock) {
        self.custodian = custodian
        self.lookup = lookup
        self.envelopes = envelopes
        self.clock = clock
    }

    private var blocks: BlockStore { envelopes.blocks }

    // MARK: Opening

    /// A verified part, opened if it can be.
    /// - Parameter own: the recipient that opens it; nil: none on this host can.
    func open(
        _ signed: SignedEnvelope, _ kind: OrderPartKind, standing: String = Standing.current.name,
        as own: IdentityRecord?
    ) throws -> OpenedPart {
        guard let own else { return OpenedPart(signed, kind, nil, standing: standing) }
        return OpenedPart(signed, kind, try read(signed, kind, as: own), standing: standing)
    }

    /// A part that was stored here before, opened.
    /// - Parameter party: the party to open it as; nil: any recipient that is here.
    func part(
        _ cid: CID, as party: CID? = nil
    ) throws -> (signed: SignedEnvelope, own: IdentityRecord, part: OrderPart) {
        let signed = try envelopes.verified(cid)
        let kind = try OrderPartKind(of: signed)
        guard let own = try lookup.reader(of: signed, as: party) else {
            throw DTAError(
                .permissionDenied,
                "the \(kind.rawValue) \(cid) is sealed to others: no identity of this host can read it")
        }
        return (signed, own, try read(signed, kind, as: own))
    }

    /// Part 1 as its fiduciary reads it.
    func order(_ record: OrderRecord) throws -> (signed: SignedEnvelope, own: IdentityRecord, order: Order) {
        let (signed, own, part) = try part(record.cid, as: record.terms.fiduciary)
        guard case .order(let order) = part else { throw DTAError(.internal, "\(record.cid) is no part 1") }
        return (signed, own, order)
    }

    /// Part 2; nil: it is not here.
    func commitment(_ record: OrderRecord) throws -> OrderCommitment? {
        guard let cid = record.progress.commitment else { return nil }
        guard case .commitment(let commitment) = try part(cid).part else {
            throw DTAError(.internal, "\(cid) is no commitment")
        }
        return commitment
    }

    private func read(_ signed: SignedEnvelope, _ kind: OrderPartKind, as own: IdentityRecord) throws -> OrderPart {
        let reading = Reading(part: signed.cid, reader: own.cid)
        if let part = known[reading] ?? known[Reading(part: signed.cid, reader: nil)] { return part }
        let plaintext = try plaintext(signed, as: own)
        let part = try explaining("the \(kind.rawValue) \(signed.cid) is not what its envelope says") {
            try plaintext.withBytes { try OrderPart($0, as: kind) }
        }
        if kind != .release { known[reading] = part }
        return part
    }

    private func plaintext(_ signed: SignedEnvelope, as own: IdentityRecord) throws -> SecretReference {
        let (wrap, coreHash) = try explaining("the envelope \(signed.cid) cannot be opened") {
            (try signed.envelope.wrap(for: own.cid, blocks.bytes), try signed.envelope.coreHash)
        }
        let key = try custodian.ask(OpenKey(recipient: own.recipientKey, coreHash: coreHash, wrap: wrap))
        return try explaining("the envelope \(signed.cid) cannot be opened") {
            try key.withSecret { SecretReference(try EnvelopeOpener.open(signed.envelope, contentKey: $0)) }
        }
    }

    // MARK: Making

    /// Seals and signs a part. It does not store it.
    /// - Parameters:
    ///   - recipients: as the terms name them; the newest identity of each gets it. Those that are not current here are
    ///     skipped, except `needed`.
    ///   - needed: those that must get the part.
    func seal(
        _ part: OrderPart, from own: IdentityRecord, to recipients: [CID], needed: [CID] = [],
        answering previous: SignedEnvelope?
    ) throws -> OpenedPart {
        let to = try lookup.documents(of: recipients + [own.cid], needed: needed + [own.cid])
        let kind = part.kind
        let envelope = try explaining("the \(kind.rawValue) cannot be sealed") {
            var encoded = try part.encoded()
            return try Secret(taking: &encoded).withBytes {
                try EnvelopeSealer.seal(
                    $0, content: kind.contentType, from: own.cid, to: to, created: clock.now, answering: previous)
            }
        }
        return try sign(envelope, part, from: own)
    }

    /// Signs an envelope that holds a part.
    /// - Parameter part: nil: dtad-hsm sealed it, and its contents are not known here.
    func sign(_ envelope: Envelope, _ part: OrderPart?, from own: IdentityRecord) throws -> OpenedPart {
        let signed = try envelopes.sign(envelope, own, try blocks.document(own.cid), custodian)
        let kind = try OrderPartKind(of: signed)
        if kind != .release, let part { known[Reading(part: signed.cid, reader: nil)] = part }
        return OpenedPart(signed, kind, part)
    }
}
