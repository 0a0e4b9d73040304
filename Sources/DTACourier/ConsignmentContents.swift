import DTAFormats

/// Finds among the blocks of a CAR those that belong to what it brings: the parts that its roots continue, the documents of
/// the identities that are named there with those that they replaced, and what proves that one of these was replaced or
/// revoked. Whoever may bring parts has nothing else stored by it.
struct ConsignmentContents {
    /// What signed shares of a wallet are published as.
    private static let shares = "application/vnd.dta.wallet-shares"
    /// How many documents that replace or revoke the identities that are named: more than lines have, less than a heap.
    private static let historyLimit = 1000

    private let blocks: [CID: ContentBlock]
    /// What belongs, and what it is.
    private(set) var kinds: [CID: DocumentKind] = [:]
    private(set) var envelopes: [CID: Envelope.Header] = [:]
    /// Those by whom and to whom they are.
    private(set) var parties: [CID: Set<CID>] = [:]
    /// Roots that are here and that no courier brings.
    private(set) var strangers: Set<CID> = []
    private(set) var documents = KnownDocuments([])
    /// The identities that are named, here or not.
    private var named: Set<CID> = []

    init(_ blocks: [CID: ContentBlock]) { self.blocks = blocks }

    mutating func add(root: CID) {
        guard let block = blocks[root] else { return }
        switch DocumentKind(of: block) {
        case .envelope: if !add(envelope: root, asRoot: true) { strangers.insert(root) }
        case .identity: add(identity: root)
        case .revocation:
            guard let revocation = try? SignedRevocation(block: block.bytes) else {
                strangers.insert(root)
                return
            }
            kinds[root] = .revocation
            add(identity: revocation.revokes)
        case .block: strangers.insert(root)
        }
    }

    /// A part, and those that it continues.
    /// - Returns: whether it is one that couriers bring.
    private mutating func add(envelope first: CID, asRoot: Bool) -> Bool {
        var next: CID? = first
        while let cid = next, kinds[cid] == nil {
            // What an order's parts say is in them; what has its body elsewhere is none.
            guard let block = blocks[cid], let envelope = (try? SignedEnvelope(block: block.bytes))?.envelope,
                envelope.chunks == nil, ConsignmentContents.isCarried(envelope, alone: cid == first && asRoot)
            else { return cid != first }
            kinds[cid] = .envelope
            envelopes[cid] = envelope.header
            add(identity: envelope.header.from)
            for page in envelope.recipientPages where blocks[page].map(DocumentKind.init(of:)) == .block {
                kinds[page] = .block
            }
            let recipients = try? envelope.recipients { cid in
                guard let page = blocks[cid] else { throw FormatError(.invalidArgument, "a page is not here") }
                return page.bytes
            }
            for recipient in recipients ?? [] { add(identity: recipient) }
            parties[cid] = Set(recipients ?? []).union([envelope.header.from])
            next = envelope.header.previous
        }
        return true
    }

    private static func isCarried(_ envelope: Envelope, alone: Bool) -> Bool {
        OrderPartKind(contentType: envelope.header.content) != nil
            || (alone && envelope.isPublic && envelope.header.content == shares)
    }

    /// An identity that is named, and those that it replaced.
    private mutating func add(identity first: CID) {
        var next: CID? = first
        while let cid = next, named.insert(cid).inserted {
            guard let block = blocks[cid], DocumentKind(of: block) == .identity,
                let document = try? SignedIdentity(block: block.bytes)
            else { return }
            kinds[cid] = .identity
            next = document.identity.previous
        }
    }

    /// What became of the identities that are named: only what proves it.
    mutating func addHistories() {
        var identities: [SignedIdentity] = []
        var revocations: [SignedRevocation] = []
        for block in blocks.values {
            switch DocumentKind(of: block) {
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
