import DTAFormats

/// Finds the blocks of a CAR that belong to its roots: the parts that these continue, the documents of the identities
/// named there with those that they replaced, and the proof that one of these was replaced or revoked. So a client that
/// may bring parts cannot have other blocks stored.
struct ConsignmentContents {
    /// The content type of published shares of a wallet.
    private static let shares = "application/vnd.dta.wallet-shares"
    /// The most documents that replace or revoke the named identities: more than usual lines have.
    private static let historyLimit = 1000
    /// How many pages of recipients all envelopes have, each list of pages counted once: a hundred times what the
    /// largest has.
    static let pageLimit = 400
    /// How many roots may be documents of identities: each comes with those that it replaced.
    static let documentLimit = 16

    private let blocks: [CID: ContentBlock]
    private let deadline: UInt64?
    /// The blocks that belong to the roots, with their kinds.
    private(set) var kinds: [CID: DocumentKind] = [:]
    private(set) var envelopes: [CID: Envelope.Header] = [:]
    /// Their recipients. Envelopes with the same pages share one set.
    private(set) var readers: [CID: Set<CID>] = [:]
    /// Roots that are here and that no courier brings.
    private(set) var strangers: Set<CID> = []
    private(set) var documents = KnownDocuments([])
    /// The named identities, whether or not their documents are here.
    private var named: Set<CID> = []

    /// The kinds that blocks claim to be, each decoded once.
    private var claims: [CID: DocumentKind] = [:]
    /// Recipients by the pages that list them.
    private var lists: [[CID]: Set<CID>] = [:]
    private var pages = 0
    private var rootDocuments = 0

    init(_ blocks: [CID: ContentBlock], deadline: UInt64?) {
        self.blocks = blocks
        self.deadline = deadline
    }

    private mutating func claim(_ block: ContentBlock) -> DocumentKind {
        if let known = claims[block.cid] { return known }
        let kind = DocumentKind(of: block)
        claims[block.cid] = kind
        return kind
    }

    /// - Throws: `FormatError` for more recipients than are read; `DTAError.unavailable` at the deadline.
    mutating func add(root: CID) throws {
        guard let block = blocks[root] else { return }
        switch claim(block) {
        case .envelope: if try !add(envelope: root, asRoot: true) { strangers.insert(root) }
        case .identity:
            guard mayAddDocument() else {
                strangers.insert(root)
                return
            }
            try add(identity: root)
        case .revocation:
            guard mayAddDocument(), let revocation = try? SignedRevocation(block: block.bytes) else {
                strangers.insert(root)
                return
            }
            kinds[root] = .revocation
            try add(identity: revocation.revokes)
        case .block: strangers.insert(root)
        }
    }

    private mutating func mayAddDocument() -> Bool {
        rootDocuments += 1
        return rootDocuments <= ConsignmentContents.documentLimit
    }

    /// A part, and those that it continues.
    /// - Returns: whether it is one that couriers bring.
    private mutating func add(envelope first: CID, asRoot: Bool) throws -> Bool {
        var next: CID? = first
        while let cid = next, kinds[cid] == nil {
            try Courier.check(deadline)
            // An order's part has its body inside; an envelope with its body in blocks is none.
            guard let block = blocks[cid], let envelope = (try? SignedEnvelope(block: block.bytes))?.envelope,
                envelope.chunks == nil, ConsignmentContents.isCarried(envelope, alone: cid == first && asRoot)
            else { return cid != first }
            kinds[cid] = .envelope
            envelopes[cid] = envelope.header
            try add(identity: envelope.header.from)
            for page in envelope.recipientPages where kinds[page] == nil {
                if let block = blocks[page], claim(block) == .block { kinds[page] = .block }
            }
            readers[cid] = try recipients(of: envelope)
            next = envelope.header.previous
        }
        return true
    }

    /// The recipients of an envelope; none if its pages are missing or malformed. A list in the envelope costs bytes of
    /// the CAR; pages cost them once, and all envelopes may name the same pages.
    private mutating func recipients(of envelope: Envelope) throws -> Set<CID> {
        let key: [CID]?
        if case .paged(let to, _)? = envelope.sealing?.recipients { key = to } else { key = nil }
        if let key {
            if let known = lists[key] { return known }
            pages += key.count
            guard pages <= ConsignmentContents.pageLimit else {
                throw FormatError(
                    .invalidArgument,
                    "its envelopes have more than \(ConsignmentContents.pageLimit) pages of recipients")
            }
        }
        let listed = try? envelope.recipients { cid in
            guard let page = blocks[cid] else { throw FormatError(.invalidArgument, "a page is not here") }
            return page.bytes
        }
        let recipients = Set(listed ?? [])
        for recipient in recipients { try add(identity: recipient) }
        if let key { lists[key] = recipients }
        return recipients
    }

    private static func isCarried(_ envelope: Envelope, alone: Bool) -> Bool {
        OrderPartKind(contentType: envelope.header.content) != nil
            || (alone && envelope.isPublic && envelope.header.content == shares)
    }

    /// An identity that is named, and those that it replaced.
    private mutating func add(identity first: CID) throws {
        var next: CID? = first
        while let cid = next, named.insert(cid).inserted {
            try Courier.check(deadline)
            guard let block = blocks[cid], claim(block) == .identity,
                let document = try? SignedIdentity(block: block.bytes)
            else { return }
            kinds[cid] = .identity
            next = document.identity.previous
        }
    }

    /// The proof that named identities were replaced or revoked.
    mutating func addHistories() throws {
        var identities: [SignedIdentity] = []
        var revocations: [SignedRevocation] = []
        for block in blocks.values {
            try Courier.check(deadline)
            switch claim(block) {
            case .identity: if let document = try? SignedIdentity(block: block.bytes) { identities.append(document) }
            case .revocation:
                if let document = try? SignedRevocation(block: block.bytes) { revocations.append(document) }
            case .block, .envelope: break
            }
        }
        documents = KnownDocuments(identities, revocations: revocations)
        var waiting = Array(named)
        var added = 0
        while let cid = waiting.popLast() {
            for succession in documents.successors(of: cid) where added < ConsignmentContents.historyLimit {
                guard named.insert(succession.successor).inserted else { continue }
                kinds[succession.successor] = .identity
                waiting.append(succession.successor)
                added += 1
            }
        }
        for revocation in documents.revocations where named.contains(revocation.revokes) && kinds[revocation.cid] == nil
        {
            guard added < ConsignmentContents.historyLimit else { return }
            kinds[revocation.cid] = .revocation
            added += 1
        }
    }
}
