import CustodyProtocol
import DTACore
import DTAFormats
import DTAIdentities
import DTALedger
import DTASystem

/// Seals and opens envelopes in the ledger.
package final class EnvelopeService: Sendable {
    package let identities: IdentityService
    package let blocks: BlockStore
    package let received: ReceivedEnvelopes
    let drafts = DraftTable()

    package init(identities: IdentityService, blocks: BlockStore) {
        self.identities = identities
        self.blocks = blocks
        received = ReceivedEnvelopes(store: blocks.store)
    }

    /// The sender, the recipients and the type of an envelope.
    package struct Address: Sendable {
        /// An identity of the caller, or a granted one; name or CID.
        package var sender: String
        /// Names or CIDs of identities that are known here; none if it is public.
        package var recipients: [String]
        package var isPublic: Bool
        /// A media type; "": application/octet-stream.
        package var contentType: String
        /// The CID of the envelope that it answers; "": none.
        package var replyTo: String

        package init(
            sender: String, recipients: [String] = [], isPublic: Bool = false, contentType: String = "",
            replyTo: String = ""
        ) {
            self.sender = sender
            self.recipients = recipients
            self.isPublic = isPublic
            self.contentType = contentType
            self.replyTo = replyTo
        }
    }

    /// Seals a body: reads the recipients' documents and wraps the key for each, which takes a while if they are many.
    /// The step signs the envelope and stores it: when its CID is answered, it is durable.
    package func seal(_ caller: Caller, _ address: Address, data: [UInt8]) throws -> CustodyStep<CID> {
        let from = try authorized(caller, address)
        guard data.count <= Envelope.bodyLimit else {
            throw DTAError(
                .invalidArgument, "an envelope's own body has at most \(Envelope.bodyLimit) bytes, not \(data.count)",
                hint: "a larger one is sent in chunks: ENVELOPE_DRAFT")
        }
        let owner = try Owner(of: caller)
        let begun = try begin(address, from)
        let parts = try explaining("the envelope cannot be sealed") {
            try begun.draft.finish(data, keys: begun.keys)
        }
        CrashPoint.reach(.envelopeSealEncrypted)
        return { [self] custodian in
            let signed = try sign(parts.envelope, from, begun.sender, custodian)
            CrashPoint.reach(.envelopeSealSigned)
            try blocks.store.write { database in
                let standing = try identities.standing(from.cid, in: database)?.name
                for page in parts.blocks {
                    try blocks.insert(page.bytes, page.cid, .block, partOf: signed.cid, owner: owner, in: database)
                }
                try blocks.insert(signed, standing: standing, owner: owner, in: database)
            }
            CrashPoint.reach(.envelopeSealStored)
            return signed.cid
        }
    }

    // MARK: Common to sealing and drafts

    /// The sender, if the caller may seal as it, and the address is valid.
    func authorized(_ caller: Caller, _ address: Address) throws -> IdentityRecord {
        let from = try identities.sender(caller, address.sender)
        guard address.recipients.isEmpty == address.isPublic else {
            throw DTAError(
                .invalidArgument,
                address.isPublic ? "a public envelope has no recipients" : "an envelope needs a recipient",
                hint: address.isPublic ? "" : "name one, or make the envelope public")
        }
        guard address.recipients.count <= Envelope.recipientLimit else {
            throw DTAError(
                .invalidArgument,
                "an envelope has at most \(Envelope.recipientLimit) recipients, not \(address.recipients.count)")
        }
        return from
    }

    struct Begun {
        /// The sender's document.
        let sender: SignedIdentity
        let draft: EnvelopeDraft
        /// Nil if it is public.
        let keys: ContentKeys?
        /// The identities for which it is wrapped.
        var recipients: [CID] = []
    }

    /// Reads all documents that an envelope needs, and wraps its key.
    func begin(_ address: Address, _ from: IdentityRecord) throws -> Begun {
        let sender = try blocks.document(from.cid)
        let previous = try address.replyTo.isEmpty ? nil : answered(address.replyTo)
        let content = address.contentType.isEmpty ? "application/octet-stream" : address.contentType
        let created = unixMicroseconds() / 1_000_000
        guard !address.isPublic else {
            let draft = try explaining("the envelope cannot be made") {
                try EnvelopeSealer.beginPublic(
                    content: content, from: from.cid, created: created, answering: previous)
            }
            return Begun(sender: sender, draft: draft, keys: nil)
        }
        let subjects = Set(address.recipients).sorted()
        try identities.need(subjects)
        let to = try identities.recipients(subjects)
        let (draft, keys) = try explaining("the envelope cannot be sealed") {
            try EnvelopeSealer.begin(
                content: content, from: from.cid, to: to, created: created, answering: previous)
        }
        return Begun(sender: sender, draft: draft, keys: keys, recipients: to.map(\.cid))
    }

    package func sign(
        _ envelope: Envelope, _ from: IdentityRecord, _ sender: SignedIdentity, _ custodian: any Custodian
    ) throws -> SignedEnvelope {
        try explaining("the envelope cannot be signed as \(identities.display(from.cid))") {
            try SignedEnvelope(
                signing: envelope, sender: sender, with: from.keys.sign(custodian),
                postQuantum: from.keys.signPostQuantum(custodian))
        }
    }

    /// The envelope that a new one answers: it must be here, and signed by its sender.
    private func answered(_ subject: String) throws -> SignedEnvelope {
        let cid = try LedgerService.cid(subject)
        do {
            return try verified(cid)
        } catch let error as DTAError where error.code == .notFound {
            throw DTAError(
                .notFound, "the envelope \(cid) that is to be answered is not in this host's ledger",
                hint: "import it first")
        }
    }
}
