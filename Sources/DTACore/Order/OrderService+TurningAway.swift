import DTAFormats
import DTASystem
import GRDB

/// Parts that are refused by what their envelopes show, before anything is opened: nobody has this host's HSM work for him
/// who has no part in an order.
extension OrderService {
    /// Why a part of an order is refused already by who made it; nil where it is not, or was accepted before.
    func strangersDenial(_ signed: SignedEnvelope, _ kind: OrderPartKind, _ number: Int64) throws -> OrderDenial? {
        try store.read { database in
            if let known = try OrderPartTable.find(innerHash: signed.innerHash, in: database), known.status != .refused
            {
                return nil
            }
            let record = try OrderTable.need(number, in: database)
            let from = signed.envelope.header.from
            guard try !IdentityJudge(KnownFacts(database: database)).mayMake(kind, as: from, under: record.terms) else {
                return nil
            }
            return OrderDenial(
                .stranger,
                "\(identities.display(from)) may not make the \(kind.rawValue) of this order by its terms")
        }
    }

    /// That part 1 of an order wants a thread in which its principal has an order. Another principal's has no right to keep
    /// it out: threads stand in the open, and nothing says whose they are.
    static func takenThread(_ reference: OrderReference) -> OrderDenial {
        OrderDenial(.fork, "it begins in the thread of order \(reference), and each order has a thread of its own")
    }

    /// Puts down that a part is refused.
    func recordRefusal(
        _ signed: SignedEnvelope, _ kind: OrderPartKind, _ number: Int64, _ denial: OrderDenial
    ) throws {
        try store.write { database in
            let terms = try OrderTable.need(number, in: database).terms
            try OrderPartTable.insert(
                signed, kind, in: number, use: 0, status: .refused, reason: denial.reason,
                isStranger: isStranger(signed.envelope.header.from, terms, KnownFacts(database: database)),
                now: clock.now, in: database)
        }
    }

    /// Whether nobody of a sender's line has a part in an order.
    func isStranger(_ sender: CID, _ terms: OrderTerms, _ facts: KnownFacts) throws -> Bool {
        try party(sender, among: terms.parties, facts) == nil
    }
}
