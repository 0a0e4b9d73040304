import CustodyProtocol
import DTAFormats
import DTASystem

/// Sealing and opening envelopes that are in the ledger.
public final class EnvelopeService: Sendable {
    private let identities: IdentityService
    private let blocks: BlockStore

    init(identities: IdentityService, blocks: BlockStore) {
        self.identities = identities
        self.blocks = blocks
    }

    /// Seals a body to recipients and stores the envelope: it is durable when its CID is answered.
    /// - Parameters:
    ///   - sender: an identity of the caller's, or granted; name or CID.
    ///   - recipients: names or CIDs of identities that are known here.
    ///   - contentType: a media type; "": application/octet-stream.
    public func seal(
        _ caller: Caller, sender: String, recipients: [String], data: [UInt8], contentType: String
    ) throws -> CustodyStep<CID> {
        let from = try identities.authorized(caller, .seal, sender)
        guard data.count <= Envelope.bodyLimit else {
            throw DTAError(
                .invalidArgument, "an envelope's body has at most \(Envelope.bodyLimit) bytes, not \(data.count)")
        }
        guard !recipients.isEmpty else { throw DTAError(.invalidArgument, "an envelope needs a recipient") }
        guard recipients.count <= Envelope.recipientLimit else {
            throw DTAError(
                .invalidArgument,
                "an envelope has at most \(Envelope.recipientLimit) recipients here, not \(recipients.count)")
        }
        let owner = Owner(uid: caller.uid, name: caller.userName)
        return { [self] custodian in
            // Reading and wrapping for hundreds of recipients takes a while: it is not for the first phase.
            let to = try Set(recipients).sorted().map(identities.document)
            let document = try blocks.document(from.cid)
            let envelope = try explaining("the envelope cannot be sealed") {
                try EnvelopeSealer.seal(
                    data, content: contentType.isEmpty ? "application/octet-stream" : contentType, from: from.cid,
                    to: to, created: unixMicroseconds() / 1_000_000)
            }
            CrashPoint.reach(.envelopeSealEncrypted)
            let signed = try explaining("the envelope cannot be signed as \(identities.display(from.cid))") {
                try SignedEnvelope(signing: envelope, sender: document) { context, hash in
                    try custodian.signDocument(from.signingObject, context: context, hash: hash)
                }
            }
            CrashPoint.reach(.envelopeSealSigned)
            try blocks.store.write { try blocks.insert(signed.block, signed.cid, .envelope, owner: owner, in: $0) }
            CrashPoint.reach(.envelopeSealStored)
            return signed.cid
        }
    }

    /// What an envelope held.
    public struct Opened: Sendable {
        public let cid: CID
        public let header: Envelope.Header
        public let body: [UInt8]
        /// The identity as which it was opened; nil: it is public.
        public let recipient: CID?
    }

    /// Opens an envelope from the ledger, after its bytes, its sender's document and signature are verified.
    /// - Parameter identity: as which of its recipients; nil: whichever of them is the caller's, or granted.
    public func open(_ caller: Caller, envelope subject: String, as identity: String?) throws -> CustodyStep<Opened> {
        let cid = try LedgerService.cid(subject)
        let signed = try verified(cid)
        let envelope = signed.envelope
        guard envelope.sealing != nil else {
            return { _ in Opened(cid: cid, header: envelope.header, body: envelope.body ?? [], recipient: nil) }
        }
        let own = try identity.map { try named(caller, $0, signed) } ?? anyRecipient(caller, signed)
        let (wrap, coreHash) = try explaining("the envelope \(cid) cannot be opened") {
            (try envelope.wrap(for: own.cid), try envelope.coreHash)
        }
        return { custodian in
            var key = try custodian.openKey(
                kem: own.kemObject, owner: ObjectOwner(uid: own.owner.uid), publicKEM: own.publicKEM,
                sealedSeed: own.sealedSeed, coreHash: coreHash, recipient: own.cid.bytes, enc: wrap.enc, key: wrap.key)
            defer { wipe(&key) }
            let body = try explaining("the envelope \(cid) cannot be opened") {
                try EnvelopeOpener.open(envelope, contentKey: key)
            }
            return Opened(cid: cid, header: envelope.header, body: body, recipient: own.cid)
        }
    }

    private func verified(_ cid: CID) throws -> SignedEnvelope {
        let block = try blocks.bytes(cid)
        let signed = try explaining("the block \(cid) is not an envelope") {
            try SignedEnvelope(block: block, named: cid)
        }
        let from = signed.envelope.header.from
        let sender: SignedIdentity
        do {
            sender = try blocks.document(from)
        } catch let error as DTAError where error.code == .notFound {
            throw DTAError(
                .failedPrecondition, "the envelope \(cid) is from identity \(from), which is not known here",
                hint: "store its document with dtactl ledger put, then try again")
        }
        try explaining("the envelope \(cid) is not from \(identities.display(from))") {
            try signed.verify(sender: sender)
        }
        return signed
    }

    private func named(_ caller: Caller, _ subject: String, _ signed: SignedEnvelope) throws -> IdentityRecord {
        let own = try identities.authorized(caller, .open, subject)
        guard try signed.envelope.recipients().contains(own.cid) else {
            throw DTAError(
                .permissionDenied,
                "the envelope \(signed.cid) is not to identity \(identities.display(own.cid)): \(recipients(signed))")
        }
        return own
    }

    private func anyRecipient(_ caller: Caller, _ signed: SignedEnvelope) throws -> IdentityRecord {
        let here = (try signed.envelope.recipients()).compactMap(identities.own).filter {
            identities.allows(caller, .open, $0)
        }
        // One's own comes before what others granted.
        guard let own = here.first(where: { $0.owner.isSame(as: caller) }) ?? here.first else {
            throw DTAError(
                .permissionDenied,
                "user \(caller.display) may not open the envelope \(signed.cid): \(recipients(signed)), and none of "
                    + "them is this user's",
                hint: "an administrator can grant open on a recipient under grants: in dtad.yaml")
        }
        return own
    }

    private func recipients(_ signed: SignedEnvelope) -> String {
        let to = (try? signed.envelope.recipients()) ?? []
        let shown = to.prefix(8).map(identities.display).joined(separator: ", ")
        let more = to.count > 8 ? " and \(to.count - 8) others" : ""
        return to.count == 1 ? "its recipient is \(shown)" : "its recipients are \(shown)\(more)"
    }
}
