/// Identities and revocations that are at hand, in no order, as facts for a judgement without an agent. Claims whose
/// proof does not fit, or is not at hand, are no facts.
public struct KnownDocuments: SuccessionFacts, Sendable {
    public private(set) var identities: [CID: SignedIdentity] = [:]
    /// Verified revocations of those.
    public private(set) var revocations: [SignedRevocation] = []
    /// Identities and revocations whose claims are refuted by the document of the one that they replace or revoke.
    public private(set) var refuted: Set<CID> = []

    private var successions: [CID: [Succession]] = [:]
    private var predecessors: [CID: CID] = [:]
    private var revoked: Set<CID> = []

    public init(_ documents: [SignedIdentity], revocations: [SignedRevocation] = []) {
        for document in documents { identities[document.cid] = document }
        for (cid, document) in identities {
            guard let parent = document.identity.previous.flatMap({ identities[$0] }) else { continue }
            if let authority = try? document.verifySuccession(of: parent) {
                successions[parent.cid, default: []].append(Succession(cid, by: authority))
                predecessors[cid] = parent.cid
            } else {
                refuted.insert(cid)
            }
        }
        for revocation in revocations {
            guard let identity = identities[revocation.revokes] else { continue }
            if (try? revocation.verify(of: identity)) != nil {
                self.revocations.append(revocation)
                revoked.insert(identity.cid)
            } else {
                refuted.insert(revocation.cid)
            }
        }
    }

    public func successors(of cid: CID) -> [Succession] { successions[cid] ?? [] }

    public func predecessor(of cid: CID) -> CID? { predecessors[cid] }

    public func isRevoked(_ cid: CID) -> Bool { revoked.contains(cid) }
}
