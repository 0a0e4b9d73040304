/// The recipients of an envelope, whether it lists them itself or in blocks of their own.
extension Envelope {
    /// The recipients' identities, in the order of their bytes; none for a public envelope.
    /// - Parameter block: gives the block that a CID names; it is asked only if there are more than 256 recipients,
    ///   and what it answers is hashed here.
    /// - Throws: what `block` throws; `FormatError` if a list breaks a rule.
    public func recipients(_ block: (CID) throws -> [UInt8] = Envelope.noBlocks) throws -> [CID] {
        switch sealing?.recipients {
        case nil: return []
        case .listed(let to, _)?: return to
        case .paged(let pages, _)?:
            let items = try ListPages.items(of: pages, "recipients", perPage: Envelope.listedRecipients, block)
            guard items.count <= Envelope.recipientLimit else { throw Recipients.tooMany }
            return try Recipients.identities(items)
        }
    }

    /// The wrap for one recipient.
    /// - Parameter recipient: the CID of an identity.
    /// - Parameter block: as for ``recipients(_:)``.
    /// - Throws: `FormatError.notRecipient`; what `block` throws.
    public func wrap(for recipient: CID, _ block: (CID) throws -> [UInt8] = Envelope.noBlocks) throws -> Wrap {
        let to = try recipients(block)
        guard let sealing, let index = to.firstIndex(of: recipient) else {
            throw FormatError(.notRecipient, "this envelope is not sealed to the identity \(recipient)")
        }
        switch sealing.recipients {
        case .listed(_, let wraps): return wraps[index]
        case .paged(_, let pages):
            let perPage = Envelope.listedRecipients
            let (page, place) = index.quotientAndRemainder(dividingBy: perPage)
            return try Wrap(Envelope.wrapPage(page, of: pages, recipients: to.count, block)[place])
        }
    }

    /// All wraps, in the order of the recipients, to check a whole envelope.
    /// - Throws: `FormatError` if a list breaks a rule; what `block` throws.
    public func wraps(_ block: (CID) throws -> [UInt8] = Envelope.noBlocks) throws -> [Wrap] {
        switch sealing?.recipients {
        case nil: return []
        case .listed(_, let wraps)?: return wraps
        case .paged(_, let pages)?:
            let count = try recipients(block).count
            return try pages.indices.flatMap { page in
                try Envelope.wrapPage(page, of: pages, recipients: count, block).map(Wrap.init)
            }
        }
    }

    /// The blocks of recipients and wraps, which belong to the envelope; none if it lists them itself.
    public var recipientPages: [CID] {
        if case .paged(let to, let wraps)? = sealing?.recipients { to + wraps } else { [] }
    }

    /// For envelopes that are known to have no blocks beside their own.
    public static func noBlocks(_ cid: CID) throws -> [UInt8] {
        throw FormatError(.invalidArgument, "the envelope continues in the block \(cid), which was not given")
    }

    private static func wrapPage(
        _ page: Int, of pages: [CID], recipients: Int, _ block: (CID) throws -> [UInt8]
    ) throws -> [DAGCBOR.Value] {
        let count = min(listedRecipients, recipients - page * listedRecipients)
        // `to` and `wraps` have as many pages, so each of them has at least one entry.
        guard count > 0 else { throw FormatError(.malformed, "an envelope has one wrap for each recipient") }
        return try ListPages.items(of: pages[page], "wraps", count: count...count, block)
    }
}

extension Envelope.Recipients {
    static let tooMany = FormatError(
        .unsupported, "an envelope has \(Envelope.recipientLimit) recipients at most")

    /// Reads `to` and `wraps`. The content of `wraps` tells whether both are lists or lists of pages.
    init(to: [DAGCBOR.Value], wraps: [DAGCBOR.Value]) throws {
        guard !to.isEmpty else { throw FormatError(.malformed, "a sealed envelope has one recipient at least") }
        guard wraps.count == to.count else {
            throw FormatError(.malformed, "an envelope has one wrap for each recipient")
        }
        guard case .link? = wraps.first else {
            guard to.count <= Envelope.listedRecipients else {
                throw FormatError(
                    .malformed,
                    "an envelope lists \(Envelope.listedRecipients) recipients by itself at most, more in blocks")
            }
            self = .listed(to: try Self.identities(to), wraps: try wraps.map(Envelope.Wrap.init))
            return
        }
        let most = ListPages.count(of: Envelope.recipientLimit, perPage: Envelope.listedRecipients)
        guard to.count <= most else { throw Self.tooMany }
        guard to.count > 1 else {
            throw FormatError(
                .notCanonical, "up to \(Envelope.listedRecipients) recipients stand in the envelope itself")
        }
        self = .paged(to: try Self.links(to), wraps: try Self.links(wraps))
    }

    /// Identities, in their order.
    static func identities(_ values: [DAGCBOR.Value]) throws -> [CID] {
        let to = try links(values)
        guard zip(to, to.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw FormatError(.notCanonical, "an envelope's recipients stand in the order of their bytes, each once")
        }
        return to
    }

    private static func links(_ values: [DAGCBOR.Value]) throws -> [CID] {
        try values.map { value in
            guard case .link(let link) = value, link.codec == .dagCBOR else {
                throw FormatError(.malformed, "an envelope's recipients are links to documents")
            }
            return link
        }
    }
}
