import CustodyProtocol
import DTAFormats
import DTASystem
import GRDB

/// A part in its envelope, as far as it can be read here.
struct OrderLetter: Sendable {
    let signed: SignedEnvelope
    let kind: OrderPartKind
    /// Nil where no identity of this host is a recipient.
    private(set) var part: OrderPart?
    /// The sender's when it came; of what was made here, current.
    let standing: String

    var from: CID { signed.envelope.header.from }
    var previous: CID? { signed.envelope.header.previous }

    /// Overwrites what was released: whoever judges a part does not need it.
    mutating func wipeResult() {
        guard case .release(var release)? = part else { return }
        // So that there is no second copy of what is overwritten.
        part = nil
        release.wipeResult()
        part = .release(release)
    }
}

/// Opening and sealing the envelopes of parts.
extension OrderService {
    /// The part that an envelope's media type tells.
    static func kind(of signed: SignedEnvelope) throws -> OrderPartKind {
        let content = signed.envelope.header.content
        guard let kind = OrderPartKind(contentType: content) else {
            throw DTAError(
                .invalidArgument, "the envelope \(signed.cid) is no part of an order: its content is \(quoted(content))"
            )
        }
        guard !signed.envelope.isPublic, signed.envelope.body != nil else {
            throw DTAError(
                .invalidArgument, "the envelope \(signed.cid) is no part of an order: parts are sealed, in one block")
        }
        return kind
    }

    /// The own identity to which an envelope is sealed.
    /// - Parameter party: of whose line it has to be; nil: of whichever.
    func recipientHere(_ signed: SignedEnvelope, of party: CID? = nil) throws -> IdentityRecord? {
        let to = try explaining("the envelope \(signed.cid) cannot be opened") {
            try signed.envelope.recipients(blocks.bytes)
        }
        let here = to.compactMap(identities.own).filter { identities.identities.damage($0.cid) == nil }
        guard let party else { return here.first }
        if let itself = here.first(where: { $0.cid == party }) { return itself }
        return try store.read { database in
            let judge = IdentityJudge(KnownFacts(database: database))
            return try here.first { try judge.areOneLine($0.cid, party) }
        }
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
    ) throws -> OrderLetter {
        guard let own else { return OrderLetter(signed: signed, kind: kind, part: nil, standing: standing) }
        var plaintext = try open(signed, as: own, custodian)
        defer { wipe(&plaintext) }
        let part = try explaining("the \(kind.rawValue) \(signed.cid) is not what its envelope says") {
            try OrderPart(plaintext, as: kind)
        }
        return OrderLetter(signed: signed, kind: kind, part: part, standing: standing)
    }

    /// A part that was stored here before, opened.
    /// - Parameter party: as whom it is opened; nil: as whichever recipient is here.
    func part(
        _ cid: CID, as party: CID? = nil, _ custodian: any Custodian
    ) throws -> (signed: SignedEnvelope, own: IdentityRecord, part: OrderPart) {
        let signed = try envelopes.verified(cid)
        let kind = try OrderService.kind(of: signed)
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
    ///   - recipients: as the terms name them; each one's newest gets it. Those who are not current here are passed over,
    ///     but for `needed`.
    ///   - needed: without whom the part makes no sense.
    func seal(
        _ part: OrderPart, from own: IdentityRecord, to recipients: [CID], needed: [CID] = [],
        answering previous: SignedEnvelope?, _ custodian: any Custodian
    ) throws -> OrderLetter {
        let to = try documents(of: recipients + [own.cid], needed: needed + [own.cid])
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
    ) throws -> OrderLetter {
        let signed = try envelopes.sign(envelope, own, try blocks.document(own.cid), custodian)
        return OrderLetter(
            signed: signed, kind: try OrderService.kind(of: signed), part: part, standing: Standing.current.name)
    }

    private func documents(of parties: [CID], needed: [CID]) throws -> [SignedIdentity] {
        let (newest, missing) = try store.read { database -> ([CID], CID?) in
            let facts = KnownFacts(database: database)
            let judge = IdentityJudge(facts)
            var newest: [CID] = []
            for party in Set(parties + needed).sorted() {
                let end = try judge.newest(of: party)
                guard end.standing == .current, try identities.distrusted(end.cid, facts) == nil,
                    try facts.isKnown(end.cid)
                else {
                    if needed.contains(party) { return ([], party) }
                    continue
                }
                newest.append(end.cid)
            }
            return (newest, nil)
        }
        if let missing {
            throw DTAError(
                .failedPrecondition,
                "nothing can be sealed to \(identities.display(missing)): it is not known here as current",
                hint: "bring its document and what is known of its line: dtactl identity import")
        }
        return try newest.map(blocks.document)
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
