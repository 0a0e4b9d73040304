import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// The end of secrets. What was sealed under an epoch's key may be in old pages, journals and backups; when that key is
/// destroyed, none of it opens any more. Until then the receipt says `pending`.
extension OrderService {
    /// Destroys an order's secret.
    public func destroy(_ caller: Caller, _ subject: String) throws -> CustodyStep<Answer> {
        let record = try find(caller, subject)
        let actor = try acting(
            caller, .fulfil, among: [record.terms.fiduciary], of: record, as: nil, what: "destroy")
        try requireCompared(record)
        // Here, where what ledger gc dropped is brought from the IPFS node: the receipt answers it.
        if record.state != .destroyed { _ = try envelopes.verified(record.progress.commitment ?? record.cid) }
        return { [self] custodian in
            let record = try store.read { try OrderTable.need(record.number, in: $0) }
            if record.state == .destroyed {
                let receipt = try store.read { try OrderPartTable.last(.destruction, of: record.number, in: $0)?.cid }
                var answer = try answer(caller, record.number, receipt.map { [$0] } ?? [])
                if let receipt, case .destruction(let destruction)? = try? part(receipt, custodian).part {
                    answer.fields = destruction.shown
                }
                return answer
            }
            try requireCompared(record)
            let secret = try secretIfAny(of: record)
            // After a restore: what became of the secret of its commitment, nobody can say here.
            guard secret != nil || record.progress.commitment == nil else {
                throw DTAError(
                    .dataLoss, "this host has no secret of order \(record.reference), to which it committed itself",
                    hint: "a newer backup may have it; until then nobody can say that it is destroyed")
            }
            // A key of one order's own is gone at once, before the receipt says so; what fails after that is done again.
            if let object = secret?.object {
                defer { forget(object) }
                try custodian.delete(.order, id: object)
            }
            let isDone = secret?.object != nil || secret == nil
            let letter = try receipt(
                record, isDone ? .done : .pending, epoch: secret?.object == nil ? secret?.epoch : nil,
                key: label(secret, actor), from: actor, custodian)
            CrashPoint.reach(.orderDestroySealed)
            try store(letter, by: actor.owner, in: record.number) { database in
                try remove(secret, of: record, in: database)
                if let epoch = secret?.epoch, secret?.object == nil {
                    // With half of the time left, so that an HSM that is away can come back.
                    try epochs.end(epoch, at: OrderService.now + rules.resealWithin / 2, in: database)
                    try database.execute(
                        sql: "INSERT INTO order_destructions (in_order, epoch, done) VALUES (?, ?, 0)",
                        arguments: [record.number, Int64(epoch)])
                }
            }
            CrashPoint.reach(.orderDestroyStored)
            try store.truncateLog()
            var answer = try answer(caller, record.number, [letter.signed.cid])
            if case .destruction(let destruction)? = letter.part { answer.fields = destruction.shown }
            return answer
        }
    }

    /// - Throws: where it is not what the receipt says any more: it was made, or sealed under another key, meanwhile.
    private func remove(_ secret: StoredSecret?, of record: OrderRecord, in database: Database) throws {
        let changed = DTAError(
            .unavailable, "the secret of order \(record.reference) was sealed again meanwhile", hint: "try again")
        guard let secret else {
            let isThere = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM order_secrets WHERE in_order = ?)",
                arguments: [record.number])
            guard isThere == false else { throw changed }
            return
        }
        try database.execute(
            sql: "DELETE FROM order_secrets WHERE in_order = ? AND epoch IS ? AND blob = ?",
            arguments: [record.number, secret.epoch.map { Int64($0) }, Data(secret.blob)])
        guard database.changesCount == 1 else { throw changed }
    }

    private func label(_ secret: StoredSecret?, _ own: IdentityRecord) -> String {
        if let object = secret?.object { return "dta/order/\(own.owner.uid)/\(object.text)" }
        if let epoch = secret?.epoch { return OrderEpochs.label(epoch) }
        return secret == nil ? "none" : "dta/state"
    }

    private func receipt(
        _ record: OrderRecord, _ state: OrderDestruction.State, epoch: UInt32?, key: String,
        from actor: IdentityRecord, _ custodian: any Custodian
    ) throws -> OrderLetter {
        let destruction = try explaining("the receipt cannot be made") {
            try OrderDestruction(
                order: record.cid, terms: record.terms, state: state, epoch: Int(epoch ?? 0), key: key,
                at: OrderService.now,
                statement: record.progress.uses == 0
                    ? "the secret is not kept any more; nothing of it was released"
                    : "the secret is not kept any more; what was released cannot be destroyed by this")
        }
        let terms = record.terms
        return try seal(
            .destruction(destruction), from: actor,
            to: [terms.principal, terms.recipient] + (terms.beneficiary.map { [$0] } ?? []),
            answering: envelopes.verified(record.progress.commitment ?? record.cid), custodian)
    }

    // MARK: Housekeeping

    /// Whether an epoch's key is to be destroyed now, or receipts of one that was are missing.
    public var hasDueEpoch: Bool {
        let found = try? store.read { database in
            try Bool.fetchOne(
                database,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM epochs WHERE destroyed IS NULL AND destroy_at <= ?)
                    OR EXISTS (SELECT 1 FROM order_destructions JOIN epochs ON epochs.number = order_destructions.epoch
                      WHERE done = 0 AND destroyed IS NOT NULL)
                    """, arguments: [OrderService.now])
        }
        return found == true
    }

    /// How many secrets one round seals again, so that nobody else waits long for the HSM.
    static let round = 64

    /// Does a round of what is due: seals the living secrets of an epoch again, then destroys its key, then says so. Each
    /// step can be repeated.
    public func keepEpochs(_ custodian: any Custodian) throws {
        let due = try store.read { database in
            try Int64.fetchAll(
                database,
                sql: "SELECT number FROM epochs WHERE destroyed IS NULL AND destroy_at <= ? ORDER BY number LIMIT 8",
                arguments: [OrderService.now])
        }
        for number in due {
            // What is not done yet keeps its own epoch's key alone.
            guard try reseal(UInt32(number), custodian) else { continue }
            CrashPoint.reach(.orderEpochEmptied)
            // What was sealed before must not be in the log any more when its key goes.
            try store.truncateLog()
            try custodian.destroyEpoch(UInt32(number))
            CrashPoint.reach(.orderEpochDestroyed)
            try store.write { database in
                try database.execute(
                    sql: "UPDATE epochs SET destroyed = ? WHERE number = ?", arguments: [OrderService.now, number])
            }
            logger.notice("an epoch's key is destroyed", metadata: ["key": "\(OrderEpochs.label(UInt32(number)))"])
        }
        try sayDone(custodian)
    }

    /// The receipts that keys are destroyed. One that cannot be made keeps no other from being made.
    private func sayDone(_ custodian: any Custodian) throws {
        var (after, done): (Int64, Int) = (0, 0)
        var hasFailed = false
        while done < OrderService.round {
            let due = try store.read { database in
                try Row.fetchAll(
                    database,
                    sql: """
                        SELECT in_order, epoch FROM order_destructions JOIN epochs ON epochs.number = epoch
                        WHERE done = 0 AND destroyed IS NOT NULL AND in_order > ? ORDER BY in_order LIMIT ?
                        """, arguments: [after, OrderService.round])
            }
            guard let last = due.last else { return }
            after = last["in_order"]
            for row in due {
                do {
                    try sayDone(row["in_order"], epoch: row["epoch"], custodian)
                    done += 1
                } catch let error as DTAError where error.code != .unavailable {
                    defer { hasFailed = true }
                    // One line of each round, as above.
                    guard !hasFailed else { continue }
                    logger.error(
                        "a receipt that a secret is destroyed cannot be made",
                        metadata: ["order": "\(row["in_order"] as Int64)", "why": "\(error)"])
                }
            }
        }
    }

    private func sayDone(_ number: Int64, epoch: UInt32, _ custodian: any Custodian) throws {
        let record = try store.read { try OrderTable.need(number, in: $0) }
        func close(_ database: Database) throws {
            try database.execute(
                sql: "UPDATE order_destructions SET done = 1 WHERE in_order = ?", arguments: [number])
        }
        let actor: IdentityRecord
        do {
            actor = try fiduciary(record)
        } catch let error as DTAError where error.code == .failedPrecondition {
            logger.warning("nobody can sign that a secret is destroyed", metadata: ["order": "\(record.cid)"])
            return try store.write(close)
        }
        let letter = try receipt(
            record, .done, epoch: epoch, key: OrderEpochs.label(epoch), from: actor, custodian)
        try store(letter, by: actor.owner, in: number, also: close)
    }
}
