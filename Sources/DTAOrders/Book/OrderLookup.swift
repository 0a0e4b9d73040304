import DTACore
import DTAEnvelopes
import DTAFormats
import DTAIdentities
import DTASystem
import GRDB

/// Finds orders: the one that a caller means, and the one to which an incoming part belongs.
struct OrderLookup: Sendable {
    let lookup: PartyLookup
    let envelopes: EnvelopeService

    private var store: Store { lookup.identities.blocks.store }

    /// Finds an order by its CID, its reference, or the beginning of the reference, if the caller has a part in it.
    func find(_ caller: Caller, _ subject: String) throws -> OrderRecord {
        let found: [OrderRecord] = try store.read { database in
            let candidates = try named(subject, database)
            if caller.isAdministrator || candidates.isEmpty { return candidates }
            let visible = try lookup.visible(caller, database)
            return candidates.filter { !visible.isDisjoint(with: $0.terms.parties) }
        }
        guard let first = found.first else {
            throw DTAError(
                .notFound, "user \(caller.display) has no part in an order \(quoted(subject)) that is known here",
                helps: .receivePart)
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

    private func named(_ subject: String, _ database: Database) throws -> [OrderRecord] {
        if let cid = try? CID(subject) { return try OrderTable.find(cid, in: database).map { [$0] } ?? [] }
        let letters = subject.lowercased()
        guard (8...OrderReference.textCount).contains(letters.utf8.count),
            letters.utf8.allSatisfy({ (0x61...0x7a).contains($0) || (0x32...0x37).contains($0) })
        else {
            throw DTAError(
                .invalidArgument,
                "\(quoted(subject)) names no order: orders are named by the CID of part 1, or by their reference "
                    + "of \(OrderReference.textCount) letters, of which 8 are enough if they are unique")
        }
        return try OrderTable.find(reference: letters, in: database)
    }

    // MARK: Where a part belongs

    enum Place {
        case known(Int64)
        /// It is part 1, in the thread of another order by the same principal.
        case taken(Int64)
        /// It is part 1 of an order that is new here.
        case first
        /// It is part 2 of an order that is new here; only others can read its part 1.
        case second(SignedEnvelope)
    }

    func place(of part: IncomingPart) throws -> Place {
        if let known = try store.read({ try known(part, $0) }) { return known }
        let (signed, kind) = (part.signed, part.kind)
        if kind == .order, signed.envelope.header.previous == nil, part.reader != nil { return .first }
        guard part.reader != nil else {
            throw DTAError(
                .permissionDenied,
                "no identity of this host has a role in the order of the \(kind.rawValue) \(signed.cid)")
        }
        throw DTAError(
            .failedPrecondition, "the \(kind.rawValue) \(signed.cid) follows a part that was not received here",
            hint: "receive the parts in their order")
    }

    private func known(_ part: IncomingPart, _ database: Database) throws -> Place? {
        let (signed, kind, header) = (part.signed, part.kind, part.signed.envelope.header)
        let known =
            try OrderPartTable.find(signed.cid, in: database)
            ?? (kind == .order ? OrderPartTable.find(innerHash: signed.innerHash, in: database) : nil)
        if let known {
            return kind == .order && known.status == .refused ? .taken(known.order) : .known(known.order)
        }
        if kind != .order, let previous = header.previous,
            let found = try OrderPartTable.find(previous, in: database)
        {
            return .known(found.order)
        }
        let candidates = try OrderTable.find(thread: header.thread, in: database)
        if kind == .order {
            return candidates.first { $0.terms.principal == header.from }.map { .taken($0.number) }
        }
        // Others may have begun orders in its thread, so it may belong to a new one.
        if kind == .commitment, part.reader != nil, let previous = header.previous,
            let first = try? envelopes.verified(previous), (try? OrderPartKind(of: first)) == .order
        {
            return .second(first)
        }
        // It follows nothing that is known: it is refused, and recorded with the order to which it could belong.
        let judge = IdentityJudge(KnownFacts(database: database))
        let fitting = try candidates.filter { try judge.mayMake(kind, as: header.from, under: $0.terms) }
        let only = fitting.count == 1 ? fitting.first : candidates.count == 1 ? candidates.first : nil
        return only.map { .known($0.number) }
    }
}
