import DTACore
import DTAFormats
import DTAIdentities
import DTASystem
import GRDB

/// The identities of an order's parties: terms name identities as they were when the order was made, and the newest of
/// each line acts. It reads, and changes nothing.
struct PartyLookup: Sendable {
    let identities: IdentityService
    let policy: LivePolicy

    private var store: Store { identities.blocks.store }

    /// Whether one identity is another, or descends from it by links that all hold.
    func isOfLine(_ cid: CID, of ancestor: CID, _ facts: KnownFacts) throws -> Bool {
        try cid == ancestor || IdentityJudge(facts).lineage(of: cid).contains(ancestor)
    }

    /// The party, among some, to whose line an identity belongs.
    func party(_ cid: CID, among parties: [CID], _ facts: KnownFacts) throws -> CID? {
        if parties.contains(cid) { return cid }
        let lineage = try IdentityJudge(facts).lineage(of: cid)
        return lineage.first(where: parties.contains)
    }

    /// Whether no identity of a sender's line has a part in an order.
    func isStranger(_ sender: CID, _ terms: OrderTerms, _ facts: KnownFacts) throws -> Bool {
        try party(sender, among: terms.parties, facts) == nil
    }

    func isCurrent(_ cid: CID, in database: Database) throws -> Bool {
        try identities.standing(cid, in: database) == .current
    }

    // MARK: Who is on this host

    /// Whether this host has the keys of a party, or of the newest of its line.
    func isHere(_ party: CID, _ facts: KnownFacts) throws -> Bool {
        try identities.own(party) != nil || identities.own(IdentityJudge(facts).newest(of: party).cid) != nil
    }

    /// Whether this host is the fiduciary's.
    func isFiduciaryHere(_ terms: OrderTerms) throws -> Bool {
        try store.read { try isHere(terms.fiduciary, KnownFacts(database: $0)) }
    }

    /// The own identity that acts for a party: the newest of its line, if its keys are here and it is current.
    func actor(for party: CID, _ facts: KnownFacts) throws -> IdentityRecord? {
        let newest = try IdentityJudge(facts).newest(of: party)
        guard newest.standing == .current, let own = identities.own(newest.cid),
            identities.identities.damage(own.cid) == nil
        else { return nil }
        return own
    }

    func actor(for party: CID) throws -> IdentityRecord? {
        try store.read { try actor(for: party, KnownFacts(database: $0)) }
    }

    /// The own identity that acts for the fiduciary, and signs this host's answers.
    func fiduciary(of record: OrderRecord) throws -> IdentityRecord {
        guard let own = try actor(for: record.terms.fiduciary) else {
            throw DTAError(
                .failedPrecondition,
                "the fiduciary of order \(record.reference) is \(identities.display(record.terms.fiduciary)), for "
                    + "which no identity of this host can act", hint: "its own host fulfils it")
        }
        return own
    }

    /// The own identity that opens an envelope.
    /// - Parameters: `recipients`: the identities to which it is sealed; `party`: the line to which it must belong;
    ///   nil: any.
    func reader(among recipients: [CID], of party: CID?) throws -> IdentityRecord? {
        let here = recipients.compactMap(identities.own).filter { identities.identities.damage($0.cid) == nil }
        guard let party else { return here.first }
        if let itself = here.first(where: { $0.cid == party }) { return itself }
        return try store.read { database in
            let judge = IdentityJudge(KnownFacts(database: database))
            return try here.first { try judge.areOneLine($0.cid, party) }
        }
    }

    /// The same for an envelope.
    func reader(of signed: SignedEnvelope, as party: CID?) throws -> IdentityRecord? {
        let to = try explaining("the envelope \(signed.cid) cannot be opened") {
            try signed.envelope.recipients(identities.blocks.bytes)
        }
        return try reader(among: to, of: party)
    }

    /// The documents of the identities to which a part is sealed: the newest of each party. Parties that are not
    /// current here are skipped.
    /// - Parameter needed: parties that must get the part.
    func documents(of parties: [CID], needed: [CID]) throws -> [SignedIdentity] {
        let (newest, missing) = try store.read { database -> ([CID], CID?) in
            let facts = KnownFacts(database: database)
            let judge = IdentityJudge(facts)
            var newest: [CID] = []
            for party in Set(parties + needed).sorted() {
                let end = try judge.newest(of: party)
                guard end.standing == .current, try identities.distrusted(end.cid, facts) == nil,
                    try facts.isKnown(end.cid)
                else {
                    if needed.contains(party) { return ([], party) }
                    continue
                }
                newest.append(end.cid)
            }
            return (newest, nil)
        }
        if let missing {
            throw DTAError(
                .failedPrecondition,
                "nothing can be sealed to \(identities.display(missing)): it is not known here as current",
                helps: .importIdentity)
        }
        return try newest.map(identities.blocks.document)
    }
}
