import DTAFormats
import DTASystem
import GRDB

/// An order as people and programs are shown it.
public struct OrderView: Sendable {
    public let cid: CID
    /// What people type.
    public let reference: String
    public let type: String
    public let state: OrderState
    public let terms: OrderTerms
    /// How many uses were released.
    public let uses: Int
    /// Approvals of the open redemption that are known here; of several the most that one of them has.
    public let approved: Int
    /// What is to be done next, and by whom; "" where nothing is.
    public let next: String
    /// What the caller's identities are in it.
    public let roles: [String]
    /// Whether the caller may know its terms. Who only brings parts may not.
    public let isOpen: Bool
    /// What the plugin was asked for; empty where part 1 was not read.
    public var fields: [(String, String)] = []
    /// Public: a key or a receipt. Empty before part 2.
    public let commitment: [UInt8]
    public let proof: [UInt8]
    /// Why it is frozen or refused, or does not go on by itself.
    public let reason: String
    /// Unix seconds: by the principal's clock, and of the last change here.
    public let created: Int64
    public let updated: Int64
}

/// A part as it is shown.
public struct OrderPartView: Sendable {
    public let part: StoredOrderPart
    public let to: [CID]
    /// The sender's when it came; "" where that is not known.
    public let standing: String
    /// Where it is to be carried.
    public let urls: [String]
    /// What its sender wrote for people; "" where that was not read.
    public var purpose = ""
    /// What a redemption asks for, or a receipt says; empty where that was not read.
    public var fields: [(String, String)] = []
    /// Why it was refused, or what a refusal says; "" where that was not read.
    public var reason: String
    /// Whether it is a redemption that may be decided about.
    public var isOpen = false
}

extension OrderService {
    func view(_ record: OrderRecord, for caller: Caller) throws -> OrderView {
        try store.read { try view(record, for: caller, visible: lookup.visible(caller, $0), $0) }
    }

    func view(
        _ record: OrderRecord, for caller: Caller, visible: Set<CID>, _ database: Database
    ) throws -> OrderView {
        let roles = visible.reduce(into: OrderRoles()) { $0.formUnion(OrderRoles(of: $1, in: record.terms)) }
        let approved = try approved(record, database)
        let obstacle = try obstacle(record, database)
        return OrderView(
            cid: record.cid, reference: record.reference.description, type: record.kind, state: record.state,
            terms: record.terms, uses: record.progress.uses, approved: approved,
            next: try obstacle?.next ?? nextOfUnanswerable(record, database)
                ?? next(record, approved: approved, visible: visible, database),
            roles: roles.names, isOpen: !roles.isEmpty || caller.isAdministrator, commitment: record.publicKey,
            proof: record.proof, reason: record.reason.isEmpty ? obstacle?.reason ?? "" : record.reason,
            created: record.created, updated: record.updated)
    }

    private func approved(_ record: OrderRecord, _ database: Database) throws -> Int {
        guard record.terms.approvals > 0, record.state == .requested else { return 0 }
        let now = clock.now
        let counts = try redemptions.all(record, KnownFacts(database: database), in: database).map { redemption in
            try OrderPartTable.approvals(of: redemption.cid, at: now, in: database).count { part in
                part.decision == .approve && (record.terms.requesterMayApprove || part.from != redemption.from)
            }
        }
        return counts.max() ?? 0
    }

    private func next(
        _ record: OrderRecord, approved: Int, visible: Set<CID>, _ database: Database
    ) throws -> String {
        let terms = record.terms
        if let end = terms.notAfter, clock.now > end, !record.state.isOver, record.state != .frozen {
            return "nothing: it expired at \(UTCTime.text(end))"
        }
        switch record.state {
        case .ordered: return "the fiduciary commits to it, or refuses it"
        case .committed, .released:
            let use = terms.maxUses > 1 ? " (use \(record.progress.uses + 1) of \(terms.maxUses))" : ""
            var next = try depositIsMissing(record, database) ? "the principal deposits the secret, then " : ""
            next += "a redeemer asks for it\(use)"
            if let begin = terms.notBefore, clock.now < begin { next += ", from \(UTCTime.text(begin)) on" }
            return try next + (lastRefusal(record, visible: visible, database).map { "; \($0)" } ?? "")
        case .requested:
            let missing = terms.approvals - approved
            return missing > 0
                ? "\(missing) of \(terms.approvals) approvals are missing, as far as is known here"
                : "the fiduciary releases it"
        case .frozen: return "nothing: it is frozen"
        case .exhausted, .refused, .destroyed: return ""
        }
    }

    func view(_ part: StoredOrderPart) throws -> OrderPartView {
        let to = (try? SignedEnvelope(block: blocks.bytes(part.cid)).envelope.recipients(blocks.bytes)) ?? []
        let urls = try to.filter { identities.own($0) == nil }.compactMap { cid in
            try (try? blocks.document(cid)).map { try identities.known($0).url }
        }
        return OrderPartView(
            part: part, to: to, standing: try envelopes.received.find(part.cid)?.standing ?? "",
            urls: Set(urls.filter { !$0.isEmpty }).sorted(),
            // What a refusal says is for those to whom it is sealed.
            reason: part.status == .accepted ? "" : part.reason)
    }

    /// What an act answers: the order as it is now, and those parts that others are to get.
    /// - Parameter parts: CIDs; those of them that are not here are passed over.
    func answer(_ caller: Caller, _ number: Int64, _ parts: [CID]) throws -> Answer {
        var seen: Set<CID> = []
        let (record, stored) = try store.read { database in
            (
                try OrderTable.need(number, in: database),
                try parts.filter { seen.insert($0).inserted }.compactMap { try OrderPartTable.find($0, in: database) }
            )
        }
        return Answer(order: try view(record, for: caller), parts: try stored.map(view))
    }
}
