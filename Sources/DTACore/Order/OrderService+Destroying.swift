import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// The end of a secret, which is one transition wherever it begins: with `order destroy`, or at a start after a crash
/// in the middle. Each of its steps may be repeated:
///
/// 1. that it is decided is written down; from then on nothing else is done with the order;
/// 2. the order's own key on the token is deleted, where it has one;
/// 3. in one transaction the secret's row goes, its epoch is dated, and the signed receipt says so.
///
/// What was sealed under an epoch's key may be in old pages, journals and backups; when that key is destroyed, none of
/// it opens any more. Until then the receipt says `pending`.
extension OrderService {
    /// Destroys an order's secret, because somebody at the fiduciary says so.
    public func destroy(_ caller: Caller, _ subject: String) throws -> CustodyStep<Answer> {
        let record = try orders.find(caller, subject)
        _ = try lookup.acting(caller, .fulfil, among: [record.terms.fiduciary], of: record, as: nil, what: "destroy")
        try requireCompared(record)
        // Here, where what ledger gc dropped is brought from the IPFS node: the receipt answers it.
        if record.state != .destroyed { _ = try envelopes.verified(record.progress.commitment ?? record.cid) }
        return office.step { [self] post in
            let record = try book.order(record.number)
            var receipt: CID?
            if record.state == .destroyed {
                try clearLeftover(record.number, post)
                receipt = try book.last(.destruction, of: record)?.cid
            } else {
                try requireCompared(record)
                receipt = try destroy(record, post)
            }
            var answer = try answer(caller, record.number, receipt.map { [$0] } ?? [])
            if let receipt, case .destruction(let said)? = try? post.part(receipt).part {
                answer.fields = said.shown
            }
            return answer
        }
    }

    /// - Returns: the receipt's CID.
    func destroy(_ record: OrderRecord, _ post: PartPost) throws -> CID {
        let actor = try lookup.fiduciary(of: record)
        let secret = try secretIfAny(of: record)
        guard secret != nil || record.progress.commitment == nil else {
            return try adoptReceipt(of: record, post)
        }
        try store.write { database in
            try database.execute(
                sql: "UPDATE orders SET destroying = coalesce(destroying, ?) WHERE number = ? AND state != 'destroyed'",
                arguments: [clock.now, record.number])
        }
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
        _ secret: StoredSecret?, of record: OrderRecord, as actor: IdentityRecord, _ post: PartPost
    ) throws -> CID {
        // Before the receipt says that it is gone.
        if let object = secret?.object {
            defer { forget(object) }
            try post.custodian.delete(.order, id: object)
        }
        CrashPoint.reach(.orderDestroyKeyGone)
        let letter = try receipt(of: secret, record, from: actor, post)
        CrashPoint.reach(.orderDestroySealed)
        try book.add(letter, by: actor.owner, in: record.number) { database in
            try remove(secret, of: record.number, in: database)
            try database.execute(
                sql: "UPDATE orders SET destroying = NULL WHERE number = ?", arguments: [record.number])
        }
        CrashPoint.reach(.orderDestroyStored)
        try store.truncateLog()
        return letter.signed.cid
    }

    /// Removes a secret's row, and dates the end of the key under which it was sealed.
    /// - Throws: where the row is not what it was any more: it was made, or sealed under another key, meanwhile.
    func remove(_ secret: StoredSecret?, of number: Int64, in database: Database) throws {
        let changed = DTAError(
            .unavailable, "the secret of the order was sealed again meanwhile", hint: "try again")
        guard let secret else {
            let isThere = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM order_secrets WHERE in_order = ?)", arguments: [number])
            guard isThere == false else { throw changed }
            return
        }
        try database.execute(
            sql: "DELETE FROM order_secrets WHERE in_order = ? AND epoch IS ? AND blob = ?",
            arguments: [number, secret.epoch.map { Int64($0) }, Data(secret.blob)])
        guard database.changesCount == 1 else { throw changed }
        // What the key on the token was for is over with that key.
        guard let epoch = secret.epoch, secret.object == nil else { return }
        try date(epoch, for: number, in: database)
    }

    /// That an epoch's key is to go, and that a receipt is to follow then.
    private func date(_ epoch: UInt32, for number: Int64, in database: Database) throws {
        // With half of the time left, so that an HSM that is away can come back.
        try epochs.end(epoch, at: clock.now + rules.resealWithin / 2, in: database)
        try database.execute(
            sql: """
                INSERT INTO order_destructions (in_order, epoch, done) VALUES (?, ?, 0)
                ON CONFLICT (in_order) DO UPDATE SET epoch = excluded.epoch, done = 0
                """, arguments: [number, Int64(epoch)])
    }

    // MARK: A receipt that came back

    /// After a restore: what became of the secret of its commitment, nobody can say here, but for a receipt that this
    /// host signed and that came back. It is taken for what it says, because somebody confirms it.
    private func adoptReceipt(of record: OrderRecord, _ post: PartPost) throws -> CID {
        let brought = try store.read { try OrderPartTable.broughtReceipt(of: record.number, in: $0) }
        guard let brought, record.restored != nil, let own = identities.own(brought.from),
            identities.identities.damage(own.cid) == nil
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
        try note(reason)
        try store.write { database in
            var record = try OrderTable.need(record.number, in: database)
            var step = OrderStep(kind: .destruction, cid: brought.cid, previous: brought.previous)
            step.isFiduciaryHere = true
            step.isMadeHere = true
            guard case .accepted(let progress) = OrderTransition.judge(record.progress, step) else {
                throw DTAError(.failedPrecondition, "the receipt \(brought.cid) does not follow the order's part 2")
            }
            record.progress = progress
            record.reason = ""
            try database.execute(
                sql: "UPDATE order_parts SET status = 'accepted', reason = '' WHERE number = ?",
                arguments: [brought.number])
            try OrderTable.save(&record, now: clock.now, in: database)
            let isLiving = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM epochs WHERE number = ? AND destroyed IS NULL)",
                arguments: [epoch.map { Int64($0) }])
            if let epoch, isLiving == true { try date(epoch, for: record.number, in: database) }
        }
        return brought.cid
    }

    // MARK: The receipt

    private func receipt(
        of secret: StoredSecret?, _ record: OrderRecord, from actor: IdentityRecord, _ post: PartPost
    ) throws -> OpenedPart {
        // A key of one order's own is gone already, and where there was nothing nothing is to follow.
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
}

extension OrderPartTable {
    /// The last receipt that says that an order's secret is destroyed, is signed as this host's fiduciary, and was not
    /// made here: somebody is to say what it is.
    static func broughtReceipt(of order: Int64, in database: Database) throws -> StoredOrderPart? {
        try Row.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT * FROM order_parts WHERE in_order = ? AND kind = ? AND status = 'evidence'
                    ORDER BY number DESC LIMIT 1
                    """), arguments: [order, OrderPartKind.destruction.rawValue]
        ).map(StoredOrderPart.init)
    }
}
