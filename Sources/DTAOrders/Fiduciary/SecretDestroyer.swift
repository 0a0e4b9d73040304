import CustodyProtocol
import DTACore
import DTAEnvelopes
import DTAFormats
import DTAIdentities
import DTASystem
import GRDB

/// Destroys secrets. The steps are the same after `order destroy` and at a start after a crash, and each can be
/// repeated:
///
/// 1. record the decision; from then on nothing else is done with the order;
/// 2. delete the order's own key on the token, if it has one;
/// 3. in one transaction delete the secret's row, date the end of its epoch, and store the signed receipt.
///
/// Secrets sealed under an epoch's key may survive in old pages, journals and backups; once that key is destroyed, none
/// of them can be opened. Until then the receipt says `pending`.
final class SecretDestroyer: Sendable {
    private let book: OrderBook
    private let envelopes: EnvelopeService
    private let secrets: OrderSecrets
    private let events: OrderEvents
    private let clock: WallClock
    /// Called when a token object is gone, so that every HSM process drops its copy.
    private let forget: @Sendable (ObjectID) -> Void
    /// Destructions that were decided but cannot be finished now; by the orders' rows.
    private let unfinished = Locked<Set<Int64>>([])
    /// Those for which the journal says already that they continue.
    private let announced = Locked<Set<Int64>>([])

    init(
        book: OrderBook, envelopes: EnvelopeService, secrets: OrderSecrets, events: OrderEvents, clock: WallClock,
        forget: @escaping @Sendable (ObjectID) -> Void
    ) {
        self.book = book
        self.envelopes = envelopes
        self.secrets = secrets
        self.events = events
        self.clock = clock
        self.forget = forget
    }

    private var lookup: PartyLookup { book.lookup }
    private var store: Store { book.store }

    /// - Returns: the receipt's CID.
    func destroy(_ record: OrderRecord, _ post: PartPost) throws -> CID {
        let actor = try lookup.fiduciary(of: record)
        let secret = try secrets.find(record)
        guard secret != nil || record.progress.commitment == nil else {
            return try adoptReceipt(of: record, post)
        }
        try book.decideDestruction(of: record)
        CrashPoint.reach(.orderDestroyDecided)
        do {
            return try carryOut(secret, of: record, as: actor, post)
        } catch let error as DTAError {
            throw DTAError(
                error.code, error.message,
                hint: "it is decided that the order is destroyed, and finished when that can be")
        }
    }

    private func carryOut(
        _ secret: OrderSecrets.Stored?, of record: OrderRecord, as actor: IdentityRecord, _ post: PartPost
    ) throws -> CID {
        // Before the receipt says that it is gone.
        if let object = secret?.object {
            defer { forget(object) }
            try post.custodian.ask(DeleteObject(objectClass: .order, id: object))
        }
        CrashPoint.reach(.orderDestroyKeyGone)
        let letter = try receipt(of: secret, record, from: actor, post)
        CrashPoint.reach(.orderDestroySealed)
        try book.add(letter, by: actor.owner, in: record.number) { database in
            try secrets.remove(secret, of: record.number, in: database)
            try book.endDestruction(of: record.number, in: database)
        }
        CrashPoint.reach(.orderDestroyStored)
        try store.truncateLog()
        return letter.signed.cid
    }

    // MARK: A receipt that came back

    /// After a restore this host cannot know whether the secret of its commitment still exists, unless a receipt that
    /// it signed came back. The receipt is accepted because the caller confirms it.
    private func adoptReceipt(of record: OrderRecord, _ post: PartPost) throws -> CID {
        let brought = try book.broughtReceipt(of: record)
        guard let brought, record.restored != nil, let own = lookup.identities.own(brought.from),
            lookup.identities.identities.damage(own.cid) == nil
        else {
            throw DTAError(
                .dataLoss, "this host has no secret of order \(record.reference), to which it committed itself",
                hint: "a newer backup may have it; until then nobody can say that it is destroyed")
        }
        var epoch: UInt32?
        if case .destruction(let said)? = try? post.part(brought.cid).part, said.state == .pending {
            epoch = UInt32(exactly: said.epoch)
        }
        let reason = "order \(record.reference) is destroyed by a receipt that came back, and that somebody confirmed"
        try events.note(reason)
        try book.adopt(brought) { database in
            let isLiving = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM epochs WHERE number = ? AND destroyed IS NULL)",
                arguments: [epoch.map { Int64($0) }])
            if let epoch, isLiving == true { try secrets.date(epoch, for: record.number, in: database) }
        }
        return brought.cid
    }

    // MARK: The receipt

    private func receipt(
        of secret: OrderSecrets.Stored?, _ record: OrderRecord, from actor: IdentityRecord, _ post: PartPost
    ) throws -> OpenedPart {
        // The order's own key is gone already; if there was no secret, nothing has to follow.
        let isDone = secret?.object != nil || secret == nil
        let label =
            if let object = secret?.object {
                "dta/order/\(actor.owner.uid)/\(object.text)"
            } else if let epoch = secret?.epoch {
                OrderEpochs.label(epoch)
            } else {
                secret == nil ? "none" : "dta/state"
            }
        return try receipt(
            record, isDone ? .done : .pending, epoch: secret?.object == nil ? secret?.epoch : nil, key: label,
            from: actor, post)
    }

    func receipt(
        _ record: OrderRecord, _ state: OrderDestruction.State, epoch: UInt32?, key: String,
        from actor: IdentityRecord, _ post: PartPost
    ) throws -> OpenedPart {
        let destruction = try explaining("the receipt cannot be made") {
            try OrderDestruction(
                order: record.cid, terms: record.terms, state: state, epoch: Int(epoch ?? 0), key: key,
                at: clock.now,
                statement: record.progress.uses == 0
                    ? "the secret is not kept any more; nothing of it was released"
                    : "the secret is not kept any more; what was released cannot be destroyed by this")
        }
        let terms = record.terms
        return try post.seal(
            .destruction(destruction), from: actor,
            to: [terms.principal, terms.recipient] + (terms.beneficiary.map { [$0] } ?? []),
            answering: envelopes.verified(record.progress.commitment ?? record.cid))
    }

    // MARK: After a crash

    /// At a start: removes secrets that are left of destroyed orders, and finishes destructions that were decided.
    func reconcile(_ post: PartPost) throws {
        let left = try store.read { database in
            try Int64.fetchAll(
                database,
                sql: """
                    SELECT in_order FROM order_secrets JOIN orders ON orders.number = in_order
                    WHERE orders.state = 'destroyed' ORDER BY in_order
                    """)
        }
        for number in left { try clearLeftover(number, post) }
        unfinished.withLock { $0 = [] }
        try finishDestructions(post)
    }

    /// Removes a secret that is left of a destroyed order; does nothing if there is none.
    func clearLeftover(_ number: Int64, _ post: PartPost) throws {
        let record = try book.order(number)
        guard record.state == .destroyed, let secret = try secrets.find(record) else { return }
        try events.note("order \(record.reference) is destroyed and its secret was still here: it is removed")
        if let object = secret.object {
            defer { forget(object) }
            try post.custodian.ask(DeleteObject(objectClass: .order, id: object))
        }
        CrashPoint.reach(.orderLeftoverKeyGone)
        try store.write { try secrets.remove(secret, of: number, in: $0) }
        CrashPoint.reach(.orderLeftoverRemoved)
        try store.truncateLog()
    }

    /// Continues destructions that were decided and not finished. One that fails does not stop the others; it is tried
    /// again at the next start, or at the next request.
    func finishDestructions(_ post: PartPost) throws {
        for record in try book.unfinishedDestructions() where !unfinished.withLock({ $0.contains(record.number) }) {
            do {
                if announced.withLock({ $0.insert(record.number).inserted }) {
                    try events.note("order \(record.reference): its destruction was decided, and goes on")
                }
                _ = try destroy(record, post)
            } catch let error as DTAError where error.code != .unavailable {
                unfinished.withLock { _ = $0.insert(record.number) }
                events.logger.error(
                    "a destruction cannot be finished",
                    metadata: ["order": "\(record.cid)", "why": "\(error)"])
            }
        }
    }

    /// Whether a decided destruction has to be finished now.
    func hasWork() throws -> Bool {
        let skipped = unfinished.withLock { Array($0) }
        let left = try store.read { database in
            try Int64.fetchAll(
                database, sql: "SELECT number FROM orders WHERE destroying IS NOT NULL LIMIT ?",
                arguments: [skipped.count + 1])
        }
        return left.contains { !skipped.contains($0) }
    }
}
