import DTACore
import DTAFormats
import GRDB

/// An identity that is known here, as lists show it.
package struct KnownIdentity: Sendable, Equatable {
    package let cid: CID
    /// As this host calls it where it is own, else as its document does: that is not to be trusted.
    package let name: String
    /// Whose it is on this host; nil where its private keys are elsewhere.
    package let owner: Owner?
    /// Unix seconds.
    package let created: Int64
    /// The one that it says it replaces.
    package let previous: CID?
    package var standing = Standing.current
    /// The end of its line, as far as it is known here; nil where that is itself.
    package var successor: CID?
    package var trust = Trust.untrusted
    /// What this host calls it, or the nearest before it down a line that holds; nil where it does not.
    package var alias: String?
    /// Where its courier is reached; "" where that is not known.
    package var url = ""

    package var isOwn: Bool { owner != nil }
}

extension IdentityService {
    /// All that is known of an identity, in one reading.
    /// - Parameter name: as its document says.
    func known(
        _ cid: CID, name: String, created: Int64, previous: CID?, _ facts: KnownFacts
    ) throws -> KnownIdentity {
        let judge = IdentityJudge(facts)
        let own = own(cid)
        var known = KnownIdentity(
            cid: cid, name: own?.name ?? name, owner: own?.owner, created: created, previous: previous)
        known.standing = try judge.standing(of: cid)
        if case .rotated = known.standing { known.successor = try judge.newest(of: cid).cid }
        known.trust = try trust(cid, facts)
        let inherits = own == nil && known.trust == .trusted
        let row = try facts.trustRow(of: cid) ?? (inherits ? firstTrustRow(judge.lineage(of: cid), facts) : nil)
        known.alias = row?.alias
        known.url = row?.url ?? ""
        return known
    }

    private func firstTrustRow(_ identities: [CID], _ facts: KnownFacts) throws -> TrustRow? {
        for cid in identities {
            if let row = try facts.trustRow(of: cid) { return row }
        }
        return nil
    }

    package func known(_ document: SignedIdentity, _ facts: KnownFacts) throws -> KnownIdentity {
        try known(
            document.cid, name: document.identity.name, created: document.identity.created,
            previous: document.identity.previous, facts)
    }

    package func known(_ document: SignedIdentity) throws -> KnownIdentity {
        try blocks.store.read { try known(document, KnownFacts(database: $0)) }
    }
}
