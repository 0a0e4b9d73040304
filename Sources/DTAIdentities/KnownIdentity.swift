import DTACore
import DTAFormats
import GRDB

/// An identity that is known here, as lists show it.
package struct KnownIdentity: Sendable, Equatable {
    package let cid: CID
    /// The name on this host if it is own; otherwise the name in its document, which is not to be trusted.
    package let name: String
    /// Its owner on this host; nil if its private keys are elsewhere.
    package let owner: Owner?
    /// Unix seconds.
    package let created: Int64
    /// The identity that it claims to replace.
    package let previous: CID?
    package var standing = Standing.current
    /// The end of its line, as far as it is known here; nil if it is the end itself.
    package var successor: CID?
    package var trust = Trust.untrusted
    /// The alias of it, or of its nearest ancestor along links that hold; nil if there is none.
    package var alias: String?
    /// The address of its courier; "" if that is not known.
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
