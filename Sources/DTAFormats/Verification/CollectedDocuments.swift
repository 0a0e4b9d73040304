/// The documents among a set of blocks, by kind, to be verified.
public struct CollectedDocuments: Sendable {
    /// A block that claims to be a document and is not a valid one.
    public struct Broken: Sendable, Hashable {
        public let cid: CID
        public let kind: DocumentKind
        public let reason: String
    }

    /// In the order in which they came, each once. Their signatures are not verified yet.
    public private(set) var envelopes: [CID] = []
    public private(set) var identities: [SignedIdentity] = []
    public private(set) var revocations: [SignedRevocation] = []
    public private(set) var broken: [Broken] = []
    private var seen: Set<CID> = []

    public init() {}

    /// How many blocks there are, documents or not.
    public var count: Int { seen.count }

    public func contains(_ cid: CID) -> Bool { seen.contains(cid) }

    /// Adds a block; one that is there already changes nothing.
    @discardableResult
    public mutating func add(_ block: ContentBlock) -> DocumentKind {
        let kind = DocumentKind(of: block)
        guard seen.insert(block.cid).inserted else { return kind }
        do {
            switch kind {
            case .identity: identities.append(try SignedIdentity(block: block.bytes))
            case .revocation: revocations.append(try SignedRevocation(block: block.bytes))
            case .envelope:
                _ = try SignedEnvelope(block: block.bytes)
                envelopes.append(block.cid)
            case .block: break
            }
        } catch {
            broken.append(Broken(cid: block.cid, kind: kind, reason: "\(error)"))
        }
        return kind
    }

    /// The identities and revocations, for a judgement.
    public var known: KnownDocuments { KnownDocuments(identities, revocations: revocations) }
}
