import DTACore
import DTAFormats
import DTAIdentities
import DTALedger
import DTASystem
import GRDB

/// The orders that this host knows. A part changes an order only through this type. The accepted parts, one after the
/// other, make an order what it is; each changes it in the transaction that stores the part.
///
/// It decides by rows and public documents: it knows no HSM, opens nothing and signs nothing.
struct OrderBook: Sendable {
    let blocks: BlockStore
    let lookup: PartyLookup
    let rules: PartRules
    let redemptions: OpenRedemptions
    let shares: WalletShareTable
    /// How many orders each user may make, or bring.
    let ordersPerUser: Int
    let clock: WallClock
    let journal: OrderJournal

    var store: Store { blocks.store }

    /// The result of `enter`.
    enum Outcome: Sendable {
        case accepted(OrderRecord)
        /// It was here before; its effect stays the same.
        case repeated(OrderRecord)
        /// It proves that the fiduciary, or somebody with its key, broke the rules, and is kept.
        case evidence(OrderRecord)
        case refused(Refusal, OrderRecord)
    }

    /// Judges a part, and stores the result together with all that the part changes.
    /// - Parameters: `refusal`: refuses the part for this reason even if the state machine would accept it;
    ///   `isMadeHere`: by this host, just now.
    func enter(
        _ part: OpenedPart, in number: Int64, refusal: Refusal? = nil, isMadeHere: Bool = false,
        _ database: Database
    ) throws -> Outcome {
        let record = try OrderTable.need(number, in: database)
        if let known = try known(part, in: record, database) { return known }
        let facts = KnownFacts(database: database)
        let step = try step(of: part, in: record, isMadeHere: isMadeHere, facts, database)
        if let byRules = try rules.refusal(of: part, in: record, facts, database) {
            return try refuse(part, byRules, step, in: record, facts, database)
        }
        switch OrderTransition.judge(record.progress, step) {
        case .refused(let byOrder): return try refuse(part, byOrder, step, in: record, facts, database)
        case .accepted(let progress):
            if let refusal { return try refuse(part, refusal, step, in: record, facts, database) }
            return .accepted(try accept(part, progress, in: record, facts, database))
        case .evidence(let progress, let reason):
            try insert(part, in: number, use: 0, status: .evidence, reason: reason, database)
            var record = record
            // The reason stays that of the part which froze the order first.
            if record.state != .frozen { record.reason = reason }
            record.progress = progress
            try OrderTable.save(&record, now: clock.now, in: database)
            return .evidence(record)
        }
    }

    /// The result that a part had when it came before; nil: judge it now.
    private func known(_ part: OpenedPart, in record: OrderRecord, _ database: Database) throws -> Outcome? {
        guard let known = try OrderPartTable.find(innerHash: part.signed.innerHash, in: database) else { return nil }
        guard known.order == record.number else {
            return .refused(Refusal(.mismatch, "this part is of another order"), record)
        }
        if known.status != .refused { return .repeated(record) }
        // A signed refusal stands, even if the verdict would be another today: the redeemer holds it.
        let answers = try OrderPartTable.answers(to: known.cid, in: database)
        guard answers.contains(where: { $0.kind == .refusal }) else { return nil }
        return .refused(Refusal(.refused, known.reason), record)
    }

    private func accept(
        _ part: OpenedPart, _ progress: OrderProgress, in before: OrderRecord, _ facts: KnownFacts,
        _ database: Database
    ) throws -> OrderRecord {
        var record = before
        let use = try use(of: part, before.progress, in: database)
        if progress.state == .refused, before.state != .refused {
            try OrderTable.relieve(record.number, in: database)
        }
        record.progress = progress
        if case .commitment(let commitment)? = part.part {
            record.publicKey = commitment.publicKey
            record.proof = commitment.proof
            try shares.note(commitment, in: record, facts, database)
        }
        var reason = ""
        if case .refusal(let refusal)? = part.part {
            reason = refusal.reason
            if progress.state == .refused { record.reason = reason }
        }
        // The order waited for a person to confirm the receipt. That has happened.
        if progress.state == .destroyed, record.reason == OrderTransition.brought { record.reason = "" }
        try insert(part, in: record.number, use: use, status: .accepted, reason: reason, database)
        try OrderTable.save(&record, now: clock.now, in: database)
        return record
    }

    private func refuse(
        _ part: OpenedPart, _ refusal: Refusal, _ step: OrderStep, in record: OrderRecord, _ facts: KnownFacts,
        _ database: Database
    ) throws -> Outcome {
        try insert(
            part, in: record.number, use: step.use ?? 0, status: .refused, reason: refusal.reason,
            isStranger: lookup.isStranger(part.from, record.terms, facts), database)
        return .refused(refusal, record)
    }

    private func insert(
        _ part: OpenedPart, in number: Int64, use: Int, status: OrderPartStatus, reason: String,
        isStranger: Bool = false, _ database: Database
    ) throws {
        var approval: SignedApproval?
        if case .approval(let signed)? = part.part { approval = signed }
        try OrderPartTable.insert(
            part.signed, part.kind, in: number, use: use, status: status, reason: reason, approval: approval,
            isStranger: isStranger, now: clock.now, in: database)
    }

    // MARK: A part as the state machine sees it

    private func step(
        of part: OpenedPart, in record: OrderRecord, isMadeHere: Bool, _ facts: KnownFacts, _ database: Database
    ) throws -> OrderStep {
        var step = OrderStep(kind: part.kind, cid: part.cid, previous: part.previous)
        step.isMadeHere = isMadeHere
        switch part.part {
        case .redemption(let redemption)?: step.use = redemption.use
        case .release(let release)?: step.use = release.use
        case .approval(let signed)?: step.use = signed.approval.use
        default: break
        }
        step.isFiduciaryHere = try lookup.isHere(record.terms.fiduciary, facts)
        if let previous = part.previous, let answered = try OrderPartTable.find(previous, in: database),
            answered.order == record.number, answered.kind == .redemption
        {
            step.redemptionFollowed = answered.previous
            step.redemptionAccepted = answered.status == .accepted
        }
        if part.kind == .refusal, !step.isFiduciaryHere, part.previous == record.progress.open {
            step.rival = try redemptions.all(record, facts, in: database).last { $0.cid != part.previous }?.cid
        }
        return step
    }

    /// Which use a part is about; 0: none. If the part cannot be read, its place in the chain tells.
    private func use(of part: OpenedPart, _ before: OrderProgress, in database: Database) throws -> Int {
        switch part.kind {
        case .order, .commitment, .deposit, .destruction: 0
        case .redemption, .release: before.uses + 1
        // It may come when its use is over.
        case .approval:
            try part.previous.flatMap { try OrderPartTable.find($0, in: database)?.use } ?? before.uses + 1
        case .refusal: try part.previous.flatMap { try OrderPartTable.find($0, in: database)?.use } ?? 0
        }
    }
}
