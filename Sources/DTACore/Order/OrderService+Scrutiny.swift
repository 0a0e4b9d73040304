import DTAFormats
import DTAPlugins
import DTASystem
import GRDB

/// Whether a part is what it may be, beside the order of parts: who sent it, how he stands, and what it repeats.
extension OrderService {
    /// What is wrong with a part; nil where nothing is. As part of the transaction that stores it.
    func denial(
        of letter: OrderLetter, in record: OrderRecord, _ facts: KnownFacts, _ database: Database
    ) throws -> OrderDenial? {
        let terms = record.terms
        let kind = letter.kind
        guard letter.signed.envelope.header.thread == record.reference.thread else {
            return OrderDenial(.mismatch, "the \(kind.rawValue) is not in the thread of its order")
        }
        guard try IdentityJudge(facts).mayMake(kind, as: letter.from, under: terms) else {
            return OrderDenial(
                .stranger,
                "\(identities.display(letter.from)) may not make the \(kind.rawValue) of this order by its terms")
        }
        let isFiduciaryHere = try isFiduciaryHere(terms, facts)
        // Who asks the fiduciary for something is current there. Elsewhere what somebody said as long as he was what he was
        // stays said: an archive brings his successor before it.
        let standings = isFiduciaryHere ? ["current"] : ["current", "rotated"]
        guard standings.contains(letter.standing) else {
            return OrderDenial(
                .stranger,
                "\(identities.display(letter.from)) was known here as \(letter.standing) already when its \(kind.rawValue) "
                    + "came")
        }
        if kind != .destruction, isFiduciaryHere, record.destroying != nil, record.state != .destroyed {
            return OrderDenial(.destroyed, "the fiduciary is destroying the secret of this order")
        }
        if kind == .redemption, isFiduciaryHere, let late = times(terms) { return late }
        guard let part = letter.part else { return nil }
        do {
            try part.heading?.check(order: record.cid, terms: terms)
            return try denial(of: part, letter, in: record, facts, database, isFiduciaryHere: isFiduciaryHere)
        } catch let error as FormatError {
            return OrderDenial(.mismatch, error.reason)
        }
    }

    /// Why nothing is released now by the terms' times; nil where something may be.
    func times(_ terms: OrderTerms) -> OrderDenial? {
        let now = clock.now
        if let notBefore = terms.notBefore, now < notBefore {
            return OrderDenial(
                .time, "nothing may be redeemed before \(UTCTime.text(notBefore)), and it is \(UTCTime.text(now))")
        }
        if let notAfter = terms.notAfter, now > notAfter {
            return OrderDenial(.time, "the order expired at \(UTCTime.text(notAfter)), and it is \(UTCTime.text(now))")
        }
        return nil
    }

    private func denial(
        of part: OrderPart, _ letter: OrderLetter, in record: OrderRecord, _ facts: KnownFacts,
        _ database: Database, isFiduciaryHere: Bool
    ) throws -> OrderDenial? {
        func mismatch(_ what: String) -> OrderDenial { OrderDenial(.mismatch, what) }
        switch part {
        case .order: return nil
        case .commitment(let commitment):
            guard commitment.terms == record.terms, commitment.kind == record.kind else {
                return mismatch("the commitment names other terms than the order")
            }
            try builtIn(record.kind)?.verify(commitment)
            return try shareDenial(of: commitment, in: record, facts, database)
        case .deposit(let deposit):
            guard deposit.commitment == letter.previous else {
                return mismatch("the deposit names another commitment than its envelope")
            }
        case .redemption(let redemption):
            guard redemption.terms == record.terms else {
                return mismatch("the redemption names other terms than the order")
            }
        case .approval(let signed):
            return try denial(of: signed, letter, in: record, facts, database, isFiduciaryHere: isFiduciaryHere)
        case .release(let release):
            guard release.redemption == letter.previous else {
                return mismatch("the release names another redemption than its envelope")
            }
        case .refusal(let refusal):
            guard refusal.refused == letter.previous else {
                return mismatch("the refusal names another part than its envelope")
            }
        case .destruction: break
        }
        return nil
    }

    private func denial(
        of signed: SignedApproval, _ letter: OrderLetter, in record: OrderRecord, _ facts: KnownFacts,
        _ database: Database, isFiduciaryHere: Bool
    ) throws -> OrderDenial? {
        let approval = signed.approval
        guard approval.order == record.cid, approval.redemption == letter.previous, approval.by == letter.from else {
            return OrderDenial(.mismatch, "the approval names another order, redemption or approver than its envelope")
        }
        guard let approver = try blocks.identity(letter.from, in: database) else {
            return OrderDenial(.stranger, "the approver's document is not here")
        }
        try signed.verify(approver: approver)
        let now = clock.now
        guard !isFiduciaryHere || approval.expires >= now else {
            return OrderDenial(.time, "the approval expired at \(UTCTime.text(approval.expires))")
        }
        let before = try OrderPartTable.approvals(of: approval.redemption, at: now, in: database)
        // What somebody decided before he was replaced does not count any more: his successor decides.
        for other in before
        where try other.from == letter.from
            || isOfLine(letter.from, of: other.from, facts) && isCurrent(other.from, in: database)
        {
            return OrderDenial(.fork, "\(identities.display(letter.from)) has decided about this redemption already")
        }
        return nil
    }

    func isCurrent(_ cid: CID, in database: Database) throws -> Bool {
        try identities.standing(cid, in: database) == .current
    }

    /// The plugin of an order whose secret dtad-hsm keeps; nil for all others.
    func builtIn(_ kind: String) -> (any BuiltInPlugin)? { (try? plugins.plugin(kind)) as? any BuiltInPlugin }

    /// What a plugin is told of an order.
    func pluginOrder(_ order: Order, _ record: OrderRecord?) throws -> PluginOrder {
        guard let type = PluginType(order.kind) else {
            throw DTAError(.invalidArgument, "\(quoted(order.kind)) cannot be a type of order")
        }
        return PluginOrder(
            cid: record?.cid, reference: record?.reference.description ?? "", kind: type, terms: order.terms,
            fields: order.fields.values, commitment: record.flatMap { $0.publicKey.isEmpty ? nil : $0.publicKey })
    }
}
