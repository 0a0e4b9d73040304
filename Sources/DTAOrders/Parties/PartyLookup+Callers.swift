import DTACore
import DTAFormats
import DTAIdentities
import DTASystem
import GRDB

/// The identities as which a caller acts, and whose orders a caller sees.
extension PartyLookup {
    /// The caller's own identity among some parties, or the one that is granted to the caller.
    /// - Parameters: `subject`: a name or CID, if the caller named one; nil: the only one that may; `hasActed`: if
    ///   several may: whether one of them has done this already.
    /// - Throws: if several may and the caller named none: none is chosen silently.
    func acting(
        _ caller: Caller, _ permission: Permission, among parties: [CID], of record: OrderRecord, as subject: String?,
        what: String, hasActed: (IdentityRecord) throws -> Bool = { _ in false }
    ) throws -> IdentityRecord {
        let candidates = try actors(for: parties)
        if let subject {
            let named = try identities.authorized(caller, permission, subject)
            guard let found = candidates.first(where: { $0.cid == named.cid || $0.name == named.name }) else {
                throw DTAError(
                    .permissionDenied, "\(identities.display(named.cid)) may not \(what) order \(record.reference)",
                    hint: "its terms name \(parties.map(identities.display).joined(separator: ", "))")
            }
            return found
        }
        let allowed = candidates.filter { policy.current.allows(caller, permission, $0.resource) }
        let own = allowed.filter { $0.owner.isSame(as: caller) }
        let several = own.isEmpty ? allowed : own
        guard let found = several.first else {
            let whose = parties.map(identities.display).joined(separator: ", ")
            throw DTAError(
                .permissionDenied,
                "user \(caller.display) may not \(what) order \(record.reference): its terms name \(whose), and none of "
                    + "them is this user's and current",
                hint: "an administrator can grant \(permission.rawValue) on it under grants: in dtad.yaml")
        }
        guard several.count > 1 else { return found }
        let left = try several.filter { try !hasActed($0) }
        guard let only = left.first, left.count == 1 else {
            let names = several.map(\.name).joined(separator: ", ")
            throw DTAError(
                .invalidArgument,
                left.isEmpty
                    ? "user \(caller.display) may \(what) order \(record.reference) as any of \(names): all of them did so already"
                    : "user \(caller.display) may \(what) order \(record.reference) as any of \(names)",
                helps: .nameActor)
        }
        return only
    }

    private func actors(for parties: [CID]) throws -> [IdentityRecord] {
        try identities.blocks.store.read { database in
            let facts = KnownFacts(database: database)
            var seen: Set<CID> = []
            return try parties.compactMap { try actor(for: $0, facts) }.filter { seen.insert($0.cid).inserted }
        }
    }

    /// An own identity that can act now.
    func sender(_ caller: Caller, _ permission: Permission, _ subject: String) throws -> IdentityRecord {
        let own = try identities.authorized(caller, permission, subject)
        // Throws unless it is known here as current, and not distrusted.
        _ = try identities.recipient(subject)
        return own
    }

    /// The identity as which a caller orders.
    /// - Parameter subject: a name or CID; "": the caller's only identity.
    func principal(_ caller: Caller, _ subject: String) throws -> IdentityRecord {
        guard subject.isEmpty else { return try sender(caller, .order, subject) }
        let own = identities.identities.allNewest.filter { $0.owner.isSame(as: caller) }
        guard let only = own.first, own.count == 1 else {
            throw DTAError(
                .invalidArgument,
                own.isEmpty
                    ? "user \(caller.display) has no identity to order as"
                    : "user \(caller.display) has \(own.count) identities: say as which one orders",
                helps: own.isEmpty ? .makeIdentity : .namePrincipal)
        }
        return try sender(caller, .order, only.name)
    }

    /// Whether a caller may act for an identity in orders, and so sees its orders.
    func sees(_ caller: Caller, _ record: IdentityRecord) -> Bool {
        let policy = policy.current
        return [Permission.order, .approve, .fulfil].contains { policy.allows(caller, $0, record.resource) }
    }

    /// The identities whose orders a caller sees: the caller's own, those granted to the caller, and those from which
    /// these descend.
    func visible(_ caller: Caller, _ database: Database) throws -> Set<CID> {
        var seen: Set<CID> = []
        let judge = IdentityJudge(KnownFacts(database: database))
        for record in identities.identities.all where record.owner != .agent && sees(caller, record) {
            seen.insert(record.cid)
            // By the tables alone: reading and verifying documents would make each list cost as much as there are
            // identities.
            seen.formUnion(try judge.lineage(of: record.cid))
        }
        return seen
    }
}
