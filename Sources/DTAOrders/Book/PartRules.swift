import DTABytes
import DTACore
import DTAFormats
import DTAIdentities
import DTASystem
import GRDB

/// The rules for a part beside its place in the chain: its sender, how that stands, and whether its contents match the
/// order. Every check reads in the transaction that stores the part.
struct PartRules: Sendable {
    let lookup: PartyLookup
    let plugins: PluginRegistry
    let shares: WalletShareTable
    let clock: WallClock

    private var identities: IdentityService { lookup.identities }

    /// A part, and what it is judged by.
    private struct Question {
        let part: OpenedPart
        let record: OrderRecord
        let facts: KnownFacts
        let database: Database
        let isFiduciaryHere: Bool
    }

    /// Why a part is refused; nil: it is not.
    func refusal(
        of part: OpenedPart, in record: OrderRecord, _ facts: KnownFacts, _ database: Database
    ) throws -> Refusal? {
        let terms = record.terms
        let kind = part.kind
        guard part.signed.envelope.header.thread == record.reference.thread else {
            return Refusal(.mismatch, "the \(kind.rawValue) is not in the thread of its order")
        }
        if let stranger = try strangersRefusal(kind, from: part.from, terms, facts) { return stranger }
        let isFiduciaryHere = try lookup.isHere(terms.fiduciary, facts)
        // A part for the fiduciary must come from an identity that is current there. On other hosts a part stays valid
        // if its sender was current: an archive may bring the sender's successor first.
        let standings = isFiduciaryHere ? ["current"] : ["current", "rotated"]
        guard standings.contains(part.standing) else {
            return Refusal(
                .stranger,
                "\(identities.display(part.from)) was known here as \(part.standing) already when its \(kind.rawValue) "
                    + "came")
        }
        if kind != .destruction, isFiduciaryHere, record.destroying != nil, record.state != .destroyed {
            return Refusal(.destroyed, "the fiduciary is destroying the secret of this order")
        }
        if kind == .redemption, isFiduciaryHere, let late = times(terms) { return late }
        guard let plain = part.part else { return nil }
        do {
            try plain.heading?.check(order: record.cid, terms: terms)
            return try refusal(
                of: plain,
                Question(
                    part: part, record: record, facts: facts, database: database, isFiduciaryHere: isFiduciaryHere))
        } catch let error as FormatError {
            return Refusal(.mismatch, error.reason)
        }
    }

    /// Why a part is refused for its sender; nil: the sender may make it.
    func strangersRefusal(
        _ kind: OrderPartKind, from sender: CID, _ terms: OrderTerms, _ facts: KnownFacts
    ) throws -> Refusal? {
        guard try !IdentityJudge(facts).mayMake(kind, as: sender, under: terms) else { return nil }
        return Refusal(
            .stranger, "\(identities.display(sender)) may not make the \(kind.rawValue) of this order by its terms")
    }

    /// Why the terms' times allow no release now; nil: they do.
    func times(_ terms: OrderTerms) -> Refusal? {
        let now = clock.now
        if let notBefore = terms.notBefore, now < notBefore {
            return Refusal(
                .time, "nothing may be redeemed before \(UTCTime.text(notBefore)), and it is \(UTCTime.text(now))")
        }
        if let notAfter = terms.notAfter, now > notAfter {
            return Refusal(.time, "the order expired at \(UTCTime.text(notAfter)), and it is \(UTCTime.text(now))")
        }
        return nil
    }

    private func refusal(of plain: OrderPart, _ question: Question) throws -> Refusal? {
        let (part, record) = (question.part, question.record)
        func mismatch(_ what: String) -> Refusal { Refusal(.mismatch, what) }
        switch plain {
        case .order, .destruction: return nil
        case .commitment(let commitment):
            guard commitment.terms == record.terms, commitment.kind == record.kind else {
                return mismatch("the commitment names other terms than the order")
            }
            try plugins.hooks(record.kind).verify(commitment)
            return try shares.refusal(of: commitment, in: record, question.facts, question.database)
        case .deposit(let deposit):
            guard deposit.commitment == part.previous else {
                return mismatch("the deposit names another commitment than its envelope")
            }
        case .redemption(let redemption):
            guard redemption.terms == record.terms else {
                return mismatch("the redemption names other terms than the order")
            }
        case .approval(let signed): return try refusal(of: signed, question)
        case .release(let release):
            guard release.redemption == part.previous else {
                return mismatch("the release names another redemption than its envelope")
            }
        case .refusal(let refusal):
            guard refusal.refused == part.previous else {
                return mismatch("the refusal names another part than its envelope")
            }
        }
        return nil
    }

    private func refusal(of signed: SignedApproval, _ question: Question) throws -> Refusal? {
        let (part, record, database) = (question.part, question.record, question.database)
        let approval = signed.approval
        guard approval.order == record.cid, approval.redemption == part.previous, approval.by == part.from else {
            return Refusal(.mismatch, "the approval names another order, redemption or approver than its envelope")
        }
        guard let approver = try identities.blocks.identity(part.from, in: database) else {
            return Refusal(.stranger, "the approver's document is not here")
        }
        try signed.verify(approver: approver)
        let now = clock.now
        guard !question.isFiduciaryHere || approval.expires >= now else {
            return Refusal(.time, "the approval expired at \(UTCTime.text(approval.expires))")
        }
        // A decision by an identity that was replaced since no longer counts: the successor decides.
        for other in try OrderPartTable.approvals(of: approval.redemption, at: now, in: database)
        where try other.from == part.from
            || lookup.isOfLine(part.from, of: other.from, question.facts)
                && lookup.isCurrent(other.from, in: database)
        {
            return Refusal(.fork, "\(identities.display(part.from)) has decided about this redemption already")
        }
        return nil
    }
}
