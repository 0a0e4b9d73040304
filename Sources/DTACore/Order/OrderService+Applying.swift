import DTAFormats
import DTASystem
import GRDB

/// The one way by which a part changes an order.
extension OrderService {
    /// What became of a part.
    enum Applied: Sendable {
        case accepted(OrderRecord)
        /// It was here before, and has the effect that it had then.
        case repeated(OrderRecord)
        case evidence(OrderRecord)
        case denied(OrderDenial, OrderRecord)
    }

    /// Judges a part and writes down what becomes of it, with all that it changes.
    /// - Parameters: `unless`: why it is refused although its order is right; nil where it is not; `isMadeHere`: and now.
    func apply(
        _ letter: OrderLetter, to number: Int64, unless: OrderDenial? = nil, isMadeHere: Bool = false,
        in database: Database
    ) throws -> Applied {
        var record = try OrderTable.need(number, in: database)
        if let known = try OrderPartTable.find(innerHash: letter.signed.innerHash, in: database) {
            guard known.order == number else {
                return .denied(OrderDenial(.mismatch, "this part is of another order"), record)
            }
            if known.status != .refused { return .repeated(record) }
            // A refusal that was signed stands, whatever would be judged today: its redeemer holds it.
            let answers = try OrderPartTable.answers(to: known.cid, in: database)
            if answers.contains(where: { $0.kind == .refusal }) {
                return .denied(OrderDenial(.refused, known.reason), record)
            }
        }
        let facts = KnownFacts(database: database)
        var step = try step(letter, in: record, facts, database)
        step.isMadeHere = isMadeHere
        func add(_ status: StoredOrderPart.Status, use: Int, reason: String = "") throws {
            var approval: SignedApproval?
            if case .approval(let signed)? = letter.part { approval = signed }
            try OrderPartTable.insert(
                letter.signed, letter.kind, in: number, use: use, status: status, reason: reason, approval: approval,
                isStranger: status == .refused && isStranger(letter.from, record.terms, facts),
                now: clock.now, in: database)
        }
        if let denial = try denial(of: letter, in: record, facts, database) {
            try add(.refused, use: step.use ?? 0, reason: denial.reason)
            return .denied(denial, record)
        }
        var verdict = OrderTransition.judge(record.progress, step)
        if case .accepted = verdict, let unless { verdict = .refused(unless) }
        switch verdict {
        case .accepted(let progress):
            let use = try use(of: letter, record.progress, in: database)
            if progress.state == .refused, record.state != .refused { try OrderTable.relieve(number, in: database) }
            record.progress = progress
            if case .commitment(let commitment)? = letter.part {
                record.publicKey = commitment.publicKey
                record.proof = commitment.proof
                try noteShare(of: commitment, in: record, facts, database)
            }
            var reason = ""
            if case .refusal(let refusal)? = letter.part {
                reason = refusal.reason
                if progress.state == .refused { record.reason = reason }
            }
            // What it waited for has been done.
            if progress.state == .destroyed, record.reason == OrderTransition.brought { record.reason = "" }
            try add(.accepted, use: use, reason: reason)
            try OrderTable.save(&record, now: clock.now, in: database)
            return .accepted(record)
        case .evidence(let progress, let reason):
            // Of what froze it first.
            if record.state != .frozen { record.reason = reason }
            record.progress = progress
            try add(.evidence, use: 0, reason: reason)
            try OrderTable.save(&record, now: clock.now, in: database)
            return .evidence(record)
        case .refused(let denial):
            try add(.refused, use: step.use ?? 0, reason: denial.reason)
            return .denied(denial, record)
        }
    }

    /// Stores a part that was made here with its block, and all that `also` writes, in one transaction.
    /// - Throws: where it is not accepted any more, because somebody else was faster; nothing is stored then.
    @discardableResult
    func store(
        _ letter: OrderLetter, by owner: Owner, in number: Int64, also: (Database) throws -> Void = { _ in }
    ) throws -> OrderRecord {
        let record = try store.write { database in
            try blocks.insert(letter.signed, standing: Standing.current.name, owner: owner, in: database)
            try also(database)
            switch try apply(letter, to: number, isMadeHere: true, in: database) {
            case .accepted(let record), .repeated(let record): return record
            case .denied(let denial, _): throw denial.error
            case .evidence(let record): throw DTAError(.failedPrecondition, record.reason)
            }
        }
        journal(.made, letter.signed, letter.kind, record)
        return record
    }

    private func step(
        _ letter: OrderLetter, in record: OrderRecord, _ facts: KnownFacts, _ database: Database
    ) throws -> OrderStep {
        var step = OrderStep(kind: letter.kind, cid: letter.signed.cid, previous: letter.previous)
        switch letter.part {
        case .redemption(let redemption)?: step.use = redemption.use
        case .release(let release)?: step.use = release.use
        case .approval(let signed)?: step.use = signed.approval.use
        default: break
        }
        step.isFiduciaryHere = try isFiduciaryHere(record.terms, facts)
        if let previous = letter.previous, let answered = try OrderPartTable.find(previous, in: database),
            answered.order == record.number, answered.kind == .redemption
        {
            step.redemptionFollowed = answered.previous
            step.redemptionAccepted = answered.status == .accepted
        }
        if letter.kind == .refusal, !step.isFiduciaryHere, letter.previous == record.progress.open {
            step.rival = try candidates(record, facts, in: database).last { $0.cid != letter.previous }?.cid
        }
        return step
    }

    /// Which use a part is about: 0 where it is about none. Where it cannot be read, its place in the chain tells.
    private func use(of letter: OrderLetter, _ before: OrderProgress, in database: Database) throws -> Int {
        switch letter.kind {
        case .order, .commitment, .deposit, .destruction: 0
        case .redemption, .release: before.uses + 1
        // It may come when the use that it was about is over.
        case .approval:
            try letter.previous.flatMap { try OrderPartTable.find($0, in: database)?.use } ?? before.uses + 1
        case .refusal: try letter.previous.flatMap { try OrderPartTable.find($0, in: database)?.use } ?? 0
        }
    }
}
