import DTAFormats
import DTASystem
import GRDB

/// Who is who in an order: terms name identities as they were when it was made, and the newest of a line acts.
extension OrderService {
    /// Whether one identity is another, or descends from it by links that all hold.
    func isOfLine(_ cid: CID, of ancestor: CID, _ facts: KnownFacts) throws -> Bool {
        try cid == ancestor || IdentityJudge(facts).lineage(of: cid).contains(ancestor)
    }

    /// The one of some parties of whose line an identity is.
    func party(_ cid: CID, among parties: [CID], _ facts: KnownFacts) throws -> CID? {
        if parties.contains(cid) { return cid }
        let lineage = try IdentityJudge(facts).lineage(of: cid)
        return lineage.first(where: parties.contains)
    }

    /// The own identity that acts for a party: the newest of its line, where its keys are here and it is current.
    func actor(for party: CID, _ facts: KnownFacts) throws -> IdentityRecord? {
        let newest = try IdentityJudge(facts).newest(of: party)
        guard newest.standing == .current, let own = identities.own(newest.cid),
            identities.identities.damage(own.cid) == nil
        else { return nil }
        return own
    }

    /// Whether this host keeps what the order is about.
    func isFiduciaryHere(_ terms: OrderTerms, _ facts: KnownFacts) throws -> Bool {
        try identities.own(terms.fiduciary) != nil
            || identities.own(IdentityJudge(facts).newest(of: terms.fiduciary).cid) != nil
    }

    func isFiduciaryHere(_ terms: OrderTerms) throws -> Bool {
        try store.read { try isFiduciaryHere(terms, KnownFacts(database: $0)) }
    }

    /// The fiduciary's own identity, with which this host answers.
    func fiduciary(_ record: OrderRecord) throws -> IdentityRecord {
        try store.read { database in
            guard let own = try actor(for: record.terms.fiduciary, KnownFacts(database: database)) else {
                throw DTAError(
                    .failedPrecondition,
                    "the fiduciary of order \(record.reference) is \(identities.display(record.terms.fiduciary)), as which "
                        + "nobody can act on this host", hint: "its own host fulfils it")
            }
            return own
        }
    }

    // MARK: What a caller may

    /// The caller's own identity among some parties, or the one that is granted to them.
    /// - Parameters: `subject`: a name or CID, where the caller said as whom; nil: the only one that may; `hasActed`: where
    ///   several may: whether one of them did already what is to be done now.
    /// - Throws: where several may and nobody said which: none is chosen in silence.
    func acting(
        _ caller: Caller, _ permission: Permission, among parties: [CID], of record: OrderRecord, as subject: String?,
        what: String, hasActed: (IdentityRecord) throws -> Bool = { _ in false }
    ) throws -> IdentityRecord {
        let candidates = try store.read { database in
            let facts = KnownFacts(database: database)
            var seen: Set<CID> = []
            return try parties.compactMap { try actor(for: $0, facts) }.filter { seen.insert($0.cid).inserted }
        }
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
                    ? "all of \(names), as whom user \(caller.display) may \(what) order \(record.reference), did so already"
                    : "user \(caller.display) may \(what) order \(record.reference) as any of \(names)",
                hint: "say as which one: --as NAME")
        }
        return only
    }

    /// Whether a caller may act for an identity in any order's matter, and so see its orders.
    private func sees(_ caller: Caller, _ record: IdentityRecord) -> Bool {
        let policy = policy.current
        return policy.allows(caller, .order, record.resource) || policy.allows(caller, .approve, record.resource)
            || policy.allows(caller, .fulfil, record.resource)
    }

    /// The identities whose orders a caller sees: his own, those granted to him, and those from which they descend.
    func visible(_ caller: Caller, _ database: Database) throws -> Set<CID> {
        var seen: Set<CID> = []
        let judge = IdentityJudge(KnownFacts(database: database))
        for record in identities.identities.all where record.owner != .agent && sees(caller, record) {
            seen.insert(record.cid)
            // By the tables alone: to read and verify documents would cost every list as much as there are identities.
            seen.formUnion(try judge.lineage(of: record.cid))
        }
        return seen
    }

    // MARK: Finding an order

    /// An order by its CID, its reference, or the beginning of that, if the caller has a part in it.
    func find(_ caller: Caller, _ subject: String) throws -> OrderRecord {
        let found: [OrderRecord] = try store.read { database in
            let candidates: [OrderRecord]
            if let cid = try? CID(subject) {
                candidates = try OrderTable.find(cid, in: database).map { [$0] } ?? []
            } else {
                let letters = subject.lowercased()
                guard (8...OrderReference.textCount).contains(letters.utf8.count),
                    letters.utf8.allSatisfy({ (0x61...0x7a).contains($0) || (0x32...0x37).contains($0) })
                else {
                    throw DTAError(
                        .invalidArgument,
                        "\(quoted(subject)) names no order: orders are named by the CID of part 1, or by their reference "
                            + "of \(OrderReference.textCount) letters, of which 8 are enough where they are unique")
                }
                candidates = try OrderTable.find(reference: letters, in: database)
            }
            if caller.isAdministrator || candidates.isEmpty { return candidates }
            let visible = try visible(caller, database)
            return candidates.filter { !visible.isDisjoint(with: $0.terms.parties) }
        }
        guard let first = found.first else {
            throw DTAError(
                .notFound, "user \(caller.display) has no part in an order \(quoted(subject)) that is known here",
                hint: "a part that came as a file is taken in with dtactl order receive")
        }
        guard found.count == 1 else {
            throw DTAError(
                .invalidArgument,
                "\(quoted(subject)) names \(found.count) orders: "
                    + found.prefix(4).map { "\($0.reference) (\($0.cid))" }.joined(separator: ", "),
                hint: "write more letters, or the CID of part 1")
        }
        return first
    }
}
