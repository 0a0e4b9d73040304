import DTACore
import DTAFormats
import DTASystem

/// The names of identities. A name, own or alias, means the newest of its line that is known here; a CID means exactly
/// one identity.
extension IdentityService {
    /// An identity by name or by its CID, with its verified document.
    /// Documents are public: every user may see them.
    package func show(_ subject: String) throws -> (identity: KnownIdentity, document: SignedIdentity) {
        let document = try document(subject)
        return (try known(document), document)
    }

    /// The verified document of an identity by name or CID. Its standing does not matter.
    func document(_ subject: String) throws -> SignedIdentity {
        let document = try blocks.document(newest(subject))
        // Most replace no other identity, and need no read of the database.
        if document.identity.previous != nil { try memory.withFacts(blocks.store) { try checkNotForged(document, $0) } }
        return document
    }

    /// Looks for the documents of all these identities, so that all missing blocks are noted at once.
    /// - Parameter subjects: names or CIDs.
    /// - Throws: the first error.
    package func need(_ subjects: [String]) throws {
        var failure: (any Error)?
        for subject in subjects {
            do { _ = try blocks.document(cid(subject)) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// The CID of an identity by name or CID, without following its successors. Names are this host's: a name in a
    /// document from another host finds nothing.
    package func cid(_ subject: String) throws -> CID {
        if let cid = try? CID(subject) { return cid }
        if let own = identities.newest(subject) { return own.cid }
        if let cid = identities.alias(subject) { return cid }
        throw DTAError(
            .notFound, "there is no identity \(quoted(subject)) on this host",
            helps: .trustByAlias)
    }

    /// The same, but a name is followed to the end of its line.
    func newest(_ subject: String) throws -> CID {
        let cid = try cid(subject)
        guard isName(subject) else { return cid }
        return try memory.withFacts(blocks.store) { try IdentityJudge($0).newest(of: cid).cid }
    }

    func isName(_ subject: String) -> Bool { (try? CID(subject)) == nil }

    /// The form for people: `bob (bafy…)`, or the CID alone.
    package func display(_ cid: CID) -> String { own(cid).map { "\($0.name) (\(cid))" } ?? "\(cid)" }

    // MARK: Recipients and senders

    /// The document of an identity to which a message can be sealed.
    /// - Throws: `DTAError.failedPrecondition` if it is known here as rotated, revoked, in conflict or distrusted.
    package func recipient(_ subject: String) throws -> SignedIdentity { try recipients([subject])[0] }

    /// The same for many, in one read of the database.
    package func recipients(_ subjects: [String]) throws -> [SignedIdentity] {
        let documents = try subjects.map(document)
        try memory.withFacts(blocks.store) { facts in
            for (subject, document) in zip(subjects, documents) {
                try checkCurrent(subject, document.cid, "nothing is sealed to it", facts)
                guard try distrusted(document.cid, facts) == nil else {
                    throw DTAError(
                        .failedPrecondition,
                        "\(called(subject, document.cid)) is distrusted here: nothing is sealed to it",
                        helps: .trustAgain)
                }
            }
        }
        return documents
    }

    /// The identity as which the caller sends: an own one that is known here as current.
    package func sender(_ caller: Caller, _ subject: String) throws -> IdentityRecord {
        let own = try authorized(caller, .seal, subject)
        try memory.withFacts(blocks.store) { try checkCurrent(subject, own.cid, "nothing is sent as it", $0) }
        return own
    }

    /// The own identities that a name or CID means for opening: all that ever had the name, because envelopes to an
    /// earlier one stay readable; the newest first.
    package func line(_ caller: Caller, _ permission: Permission, _ subject: String) throws -> [IdentityRecord] {
        guard isName(subject), let newest = identities.newest(subject) else {
            return [try authorized(caller, permission, subject)]
        }
        try policy.current.authorize(caller, permission, newest.resource)
        let sound = identities.line(subject).filter { identities.damage($0.cid) == nil }
        if sound.isEmpty { try checkSound(newest) }
        return sound
    }

    private func checkCurrent(_ subject: String, _ cid: CID, _ so: String, _ facts: KnownFacts) throws {
        let judge = IdentityJudge(facts)
        let who = called(subject, cid)
        switch try judge.standing(of: cid) {
        case .current: return
        case .rotated:
            let newest = try judge.newest(of: cid).cid
            throw DTAError(
                .failedPrecondition, "\(who) was replaced by \(display(newest)): \(so)", hint: "use \(newest)")
        case .revoked:
            let sentence = "\(who) is revoked: \(so)"
            throw own(cid) == nil
                ? DTAError(.failedPrecondition, sentence, hint: "ask its holder for a new identity")
                : DTAError(.failedPrecondition, sentence, helps: .makeIdentity)
        case .conflict:
            throw DTAError(
                .failedPrecondition,
                "\(who) has rival successors, any of which could be a thief's: \(so)",
                helps: .recover)
        }
    }

    private func called(_ subject: String, _ cid: CID) -> String {
        isName(subject) ? "identity \(quoted(subject)) (\(cid))" : "identity \(display(cid))"
    }

    func checkNotForged(_ document: SignedIdentity, _ facts: KnownFacts) throws {
        guard let previous = document.identity.previous else { return }
        guard try facts.isKnown(document.cid) else {
            throw DTAError(
                .dataLoss, "the identity \(document.cid) says that it replaces \(previous), which is not so",
                helps: .importAgain)
        }
    }
}
