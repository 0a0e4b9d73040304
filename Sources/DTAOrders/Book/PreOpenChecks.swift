import DTACore
import DTAFormats
import DTAIdentities
import DTASystem
import GRDB

/// Refuses parts by what their envelopes show, before anything is opened, so that a stranger cannot make this host's
/// HSM work.
struct PreOpenChecks: Sendable {
    let store: Store
    let rules: PartRules

    /// The order on whose record a part is refused before it is opened, and why; nil: the part is opened.
    func refusal(of part: IncomingPart, at place: OrderLookup.Place) throws -> (Int64, Refusal)? {
        try store.read { database in
            switch place {
            case .taken(let number):
                let record = try OrderTable.need(number, in: database)
                return (number, PreOpenChecks.takenThread(record.reference))
            case .known(let number) where part.kind != .order:
                return try strangersRefusal(of: part, number, database).map { (number, $0) }
            case .known, .first, .second: return nil
            }
        }
    }

    /// Why a part is refused for its sender; nil: it is not, or was accepted before.
    private func strangersRefusal(
        of part: IncomingPart, _ number: Int64, _ database: Database
    ) throws -> Refusal? {
        if let known = try OrderPartTable.find(innerHash: part.signed.innerHash, in: database),
            known.status != .refused
        {
            return nil
        }
        let record = try OrderTable.need(number, in: database)
        return try rules.strangersRefusal(
            part.kind, from: part.signed.envelope.header.from, record.terms, KnownFacts(database: database))
    }

    /// Part 1 must not begin in a thread in which its principal has another order. Orders of other principals do not
    /// block it: threads are public, and nothing proves who owns one.
    private static func takenThread(_ reference: OrderReference) -> Refusal {
        Refusal(.fork, "it begins in the thread of order \(reference), and each order has a thread of its own")
    }
}
