import DTABytes
import DTACore
import DTAFormats
import DTAIdentities
import DTALedger
import DTASystem
import GRDB

/// Shows each caller what they may know about orders. It reads, and changes nothing.
struct OrderViews: Sendable {
    let orders: OrderLookup
    let book: OrderBook
    let office: PostOffice
    let plugins: PluginRegistry
    let health: OrderHealth
    let clock: WallClock

    var lookup: PartyLookup { book.lookup }
    var store: Store { book.store }
    private var blocks: BlockStore { book.blocks }
    private var identities: IdentityService { book.lookup.identities }

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
            next: try (obstacle?.next).map(NextStep.init) ?? nextOfUnanswerable(record, database)
                ?? next(record, approved: approved, visible: visible, database),
            roles: roles.names, isOpen: !roles.isEmpty || caller.isAdministrator, commitment: record.publicKey,
            proof: record.proof, reason: record.reason.isEmpty ? obstacle?.reason ?? "" : record.reason,
            created: record.created, updated: record.updated)
    }

    private func approved(_ record: OrderRecord, _ database: Database) throws -> Int {
        guard record.terms.approvals > 0, record.state == .requested else { return 0 }
        let now = clock.now
        let counts = try book.redemptions.all(record, KnownFacts(database: database), in: database).map { redemption in
            try OrderPartTable.approvals(of: redemption.cid, at: now, in: database).count { part in
                part.decision == .approve && (record.terms.requesterMayApprove || part.from != redemption.from)
            }
        }
        return counts.max() ?? 0
    }

    /// Nil: there is none, because the order is over.
    private func next(
        _ record: OrderRecord, approved: Int, visible: Set<CID>, _ database: Database
    ) throws -> NextStep? {
        let terms = record.terms
        if let end = terms.notAfter, clock.now > end, !record.state.isOver, record.state != .frozen {
            var next = NextStep(.expired)
            next.notAfter = end
            return next
        }
        switch record.state {
        case .ordered: return NextStep(.commit)
        case .committed, .released:
            var next = NextStep(.redeem)
            next.use = record.progress.uses + 1
            next.depositIsMissing = try depositIsMissing(record, database)
            if let begin = terms.notBefore, clock.now < begin { next.notBefore = begin }
            next.lastRefusal = try lastRefusal(record, visible: visible, database)
            return next
        case .requested:
            var next = NextStep(approved < terms.approvals ? .approve : .release)
            next.missing = max(0, terms.approvals - approved)
            return next
        case .frozen: return NextStep(.frozen)
        case .exhausted, .refused, .destroyed: return nil
        }
    }

    func view(_ part: StoredOrderPart) throws -> OrderPartView {
        let to = (try? SignedEnvelope(block: blocks.bytes(part.cid)).envelope.recipients(blocks.bytes)) ?? []
        let urls = try to.filter { identities.own($0) == nil }.compactMap { cid in
            try (try? blocks.document(cid)).map { try identities.known($0).url }
        }
        return OrderPartView(
            part: part, to: to, standing: try office.envelopes.received.find(part.cid)?.standing ?? "",
            urls: Set(urls.filter { !$0.isEmpty }).sorted(),
            // Only the recipients of a refusal may see what it says.
            reason: part.status == .accepted ? "" : part.reason)
    }

    /// The answer to an act: the order as it is now, and the parts that others must get.
    /// - Parameter parts: CIDs; those that are not here are skipped.
    func answer(_ caller: Caller, _ number: Int64, _ parts: [CID]) throws -> OrderAnswer {
        var seen: Set<CID> = []
        let (record, stored) = try store.read { database in
            (
                try OrderTable.need(number, in: database),
                try parts.filter { seen.insert($0).inserted }.compactMap { try OrderPartTable.find($0, in: database) }
            )
        }
        return OrderAnswer(order: try view(record, for: caller), parts: try stored.map(view))
    }
}
