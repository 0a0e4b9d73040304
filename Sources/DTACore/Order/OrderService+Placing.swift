import DTAFormats
import DTASystem
import GRDB

/// To which order a part belongs that comes, and who is turned away before it is opened.
extension OrderService {
    /// A part that came, verified and not opened.
    struct Coming: Sendable {
        let signed: SignedEnvelope
        let kind: OrderPartKind
        let standing: String
        /// The own identity that can open it.
        let own: IdentityRecord?
    }

    enum PartPlace {
        case known(Int64)
        /// It is part 1, in the thread of another order of its principal's.
        case taken(Int64)
        /// It is part 1 of an order that is new here.
        case first
        /// It is part 2 of an order that is new here, with part 1 that only others can read.
        case second(SignedEnvelope)
    }

    /// Why a part is refused before it is opened, and on the record of which order.
    func denial(of coming: Coming, at place: PartPlace) throws -> (Int64, OrderDenial)? {
        switch place {
        case .taken(let number):
            let record = try store.read { try OrderTable.need(number, in: $0) }
            return (number, OrderService.takenThread(record.reference))
        case .known(let number) where coming.kind != .order:
            return try strangersDenial(coming.signed, coming.kind, number).map { (number, $0) }
        case .known, .first, .second: return nil
        }
    }

    func place(of signed: SignedEnvelope, _ kind: OrderPartKind, _ own: IdentityRecord?) throws -> PartPlace {
        let header = signed.envelope.header
        let known: PartPlace? = try store.read { database in
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
            // Others may have begun orders in its thread: it need not be one of theirs.
            if kind == .commitment, own != nil, let previous = header.previous,
                let first = try? envelopes.verified(previous), (try? OrderService.kind(of: first)) == .order
            {
                return .second(first)
            }
            // It follows nothing that is known: where it could belong, it is refused and recorded there.
            let judge = IdentityJudge(KnownFacts(database: database))
            let fitting = try candidates.filter { try judge.mayMake(kind, as: header.from, under: $0.terms) }
            let only = fitting.count == 1 ? fitting.first : candidates.count == 1 ? candidates.first : nil
            return only.map { .known($0.number) }
        }
        if let known { return known }
        if kind == .order, header.previous == nil, own != nil { return .first }
        guard own != nil else {
            throw DTAError(
                .permissionDenied, "nobody on this host has a part in the order of the \(kind.rawValue) \(signed.cid)")
        }
        throw DTAError(
            .failedPrecondition, "the \(kind.rawValue) \(signed.cid) follows a part that was not received here",
            hint: "receive the parts in their order")
    }
}
