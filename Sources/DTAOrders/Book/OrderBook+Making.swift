import DTACore
import DTAFormats
import DTAIdentities
import DTASystem
import GRDB

/// What this host adds to its orders, each in one transaction.
extension OrderBook {
    /// Begins an order by its part 1, which was made here just now.
    /// - Parameter also: writes more in the same transaction.
    func begin(
        _ part1: OpenedPart, _ order: Order, by owner: Owner, also: (Database) throws -> Void
    ) throws -> OrderRecord {
        let record = try store.write { database in
            try blocks.insert(part1.signed, standing: Standing.current.name, owner: owner, in: database)
            try also(database)
            let record = try insert(
                part1.signed, kind: order.kind, terms: order.terms, owner: owner, isNew: true, in: database)
            try shares.take(order.kind, order.fields, for: part1.cid, in: database)
            return record
        }
        CrashPoint.reach(.orderCreateStored)
        journal.write(.made, part1.signed, .order, record)
        return record
    }

    /// Stores a part that was made here with its block, and what `also` writes.
    /// - Throws: if the part is no longer accepted because another was faster; then it stores nothing.
    @discardableResult
    func add(
        _ part: OpenedPart, by owner: Owner, in number: Int64, also: (Database) throws -> Void = { _ in }
    ) throws -> OrderRecord {
        let record = try store.write { database in
            try blocks.insert(part.signed, standing: Standing.current.name, owner: owner, in: database)
            try also(database)
            switch try enter(part, in: number, isMadeHere: true, database) {
            case .accepted(let record), .repeated(let record): return record
            case .refused(let refusal, _): throw refusal.error
            case .evidence(let record): throw DTAError(.failedPrecondition, record.reason)
            }
        }
        journal.write(.made, part.signed, part.kind, record)
        return record
    }

    /// Adds an order and its part 1.
    /// - Parameter isNew: whether it is made here just now.
    private func insert(
        _ part1: SignedEnvelope, kind: String, terms: OrderTerms, owner: Owner, isNew: Bool, in database: Database
    ) throws -> OrderRecord {
        let record = try OrderTable.insert(
            part1.envelope.header, part1.cid, kind: kind, terms: terms, owner: owner, limit: ordersPerUser,
            isNew: isNew, now: clock.now, in: database)
        try OrderPartTable.insert(
            part1, .order, in: record.number, use: 0, status: .accepted, now: clock.now, in: database)
        return record
    }

    // MARK: Orders that come

    /// Begins an order by a part 1 that came, unless the order is known here.
    /// - Returns: the order's row.
    func begin(_ part1: OpenedPart, _ order: Order, broughtBy owner: Owner) throws -> Int64 {
        let (record, isNew) = try store.write { database in
            if let known = try OrderTable.find(part1.cid, in: database) { return (known, false) }
            // The same order under another signature would be a second one with the same terms and nonce.
            if let same = try OrderPartTable.find(innerHash: part1.signed.innerHash, in: database) {
                return (try OrderTable.need(same.order, in: database), false)
            }
            let parties = [order.terms.fiduciary, order.terms.principal]
            guard try parties.contains(where: { try lookup.isHere($0, KnownFacts(database: database)) }) else {
                throw DTAError(
                    .permissionDenied,
                    "neither principal nor fiduciary of the order \(part1.cid) is on this host")
            }
            let record = try insert(
                part1.signed, kind: order.kind, terms: order.terms, owner: owner, isNew: false, in: database)
            return (record, true)
        }
        if isNew { journal.write(.came, part1.signed, .order, record) }
        return record.number
    }

    /// Begins an order if only others can read its part 1, unless it is known here: part 2 tells its terms.
    /// - Parameter recipients: the identities to which part 1 is sealed.
    /// - Returns: the order's row.
    func begin(
        _ part1: SignedEnvelope, sealedTo recipients: [CID], _ part2: OpenedPart, broughtBy owner: Owner
    ) throws -> Int64 {
        guard case .commitment(let commitment)? = part2.part, commitment.heading.order == part1.cid else {
            throw DTAError(.dataLoss, "the commitment \(part2.cid) names another order than it follows")
        }
        let header = part1.envelope.header
        let terms = commitment.terms
        // Part 1 was sealed to the fiduciary alone: only it can commit itself, or tell the terms.
        guard header.from == terms.principal, recipients.contains(terms.fiduciary),
            header.thread == part2.signed.envelope.header.thread
        else {
            throw DTAError(
                .permissionDenied,
                "the commitment \(part2.cid) is not by the fiduciary to which \(header.from) sealed the order")
        }
        return try store.write { database in
            if let known = try OrderTable.find(part1.cid, in: database) { return known.number }
            let facts = KnownFacts(database: database)
            guard try lookup.identities.distrusted(part2.from, facts) == nil,
                try IdentityJudge(facts).mayMake(.commitment, as: part2.from, under: terms)
            else {
                throw DTAError(
                    .permissionDenied, "the commitment \(part2.cid) is not by the fiduciary that it names")
            }
            return try insert(
                part1, kind: commitment.kind, terms: terms, owner: owner, isNew: false, in: database
            ).number
        }
    }

    /// Records that a part was refused before it was opened.
    func recordRefusal(of part: IncomingPart, in number: Int64, _ refusal: Refusal) throws {
        let record = try store.write { database in
            let record = try OrderTable.need(number, in: database)
            try OrderPartTable.insert(
                part.signed, part.kind, in: number, use: 0, status: .refused, reason: refusal.reason,
                isStranger: lookup.isStranger(
                    part.signed.envelope.header.from, record.terms, KnownFacts(database: database)),
                now: clock.now, in: database)
            return record
        }
        journal.write(.refused, part.signed, part.kind, record, refusal.reason)
    }
}
