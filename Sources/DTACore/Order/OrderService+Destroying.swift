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
        return { [self] custodian in
            let record = try store.read { try OrderTable.need(record.number, in: $0) }
            if record.state == .destroyed {
                let receipt = try store.read { try OrderPartTable.last(.destruction, of: record.number, in: $0)?.cid }
                return try answer(caller, record.number, receipt.map { [$0] } ?? [])
            }
            let secret = try? secret(of: record)
            // A key of one order's own is gone at once; so is what was never made.
            let isDone = secret?.object != nil || secret == nil
            let letter = try receipt(
                record, isDone ? .done : .pending, epoch: secret?.object == nil ? secret?.epoch : nil,
                key: label(secret, actor), from: actor, custodian)
            CrashPoint.reach(.orderDestroySealed)
            var intent: Int64?
            let objects = secret?.object.map { [Intents.Object(objectClass: .order, id: $0)] } ?? []
            try store(letter, by: actor.owner, in: record.number) { database in
                try database.execute(sql: "DELETE FROM order_secrets WHERE in_order = ?", arguments: [record.number])
                if let epoch = secret?.epoch, secret?.object == nil {
                    // With half of the time left, so that an HSM that is away can come back.
                    try epochs.end(epoch, at: OrderService.now + rules.resealWithin / 2, in: database)
                    try database.execute(
                        sql: "INSERT INTO order_destructions (in_order, epoch, done) VALUES (?, ?, 0)",
                        arguments: [record.number, Int64(epoch)])
                }
                if !objects.isEmpty {
                    intent = try intents.begin(
                        .orderKeyDelete, name: record.reference.description, objects: objects, in: database)
                }
            }
            CrashPoint.reach(.orderDestroyStored)
            if let intent, let object = secret?.object {
                defer { intents.release(intent) }
                defer { forget(object) }
                // What fails here the next sweep does.
                try custodian.delete(.order, id: object)
                try store.write { try intents.finish(intent, in: $0) }
            }
            try store.truncateLog()
            return try answer(caller, record.number, [letter.signed.cid])
        }
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
    private static let round = 64

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
            guard try reseal(UInt32(number), custodian) else { return }
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

    /// - Returns: whether none of the epoch's secrets is left.
    private func reseal(_ number: UInt32, _ custodian: any Custodian) throws -> Bool {
        let rows = try store.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT in_order, blob, order_secrets.owner_uid AS owner, cid FROM order_secrets
                    JOIN orders ON orders.number = in_order WHERE epoch = ? LIMIT ?
                    """, arguments: [Int64(number), OrderService.round])
        }
        for row in rows {
            let (order, blob): (Int64, Data) = (row["in_order"], row["blob"])
            let new = try epochs.current(custodian)
            let sealed = try custodian.resealOrder(
                [UInt8](blob), order: [UInt8](row["cid"] as Data), owner: ObjectOwner(uid: row["owner"]), epoch: new)
            try store.write { database in
                try database.execute(
                    sql: "UPDATE order_secrets SET blob = ?, epoch = ? WHERE in_order = ? AND blob = ?",
                    arguments: [Data(sealed), Int64(new), order, blob])
                // It may have been destroyed meanwhile.
                if database.changesCount == 1 { try epochs.use(new, in: database) }
            }
            CrashPoint.reach(.orderEpochResealed)
        }
        return try store.read { database in
            try
                !(Bool.fetchOne(
                    database, sql: "SELECT EXISTS (SELECT 1 FROM order_secrets WHERE epoch = ?)",
                    arguments: [Int64(number)])
                ?? true)
        }
    }

    /// The receipts that keys are destroyed.
    private func sayDone(_ custodian: any Custodian) throws {
        let due = try store.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT in_order, epoch FROM order_destructions JOIN epochs ON epochs.number = epoch
                    WHERE done = 0 AND destroyed IS NOT NULL LIMIT ?
                    """, arguments: [OrderService.round])
        }
        for row in due {
            let (number, epoch): (Int64, UInt32) = (row["in_order"], row["epoch"])
            let record = try store.read { try OrderTable.need(number, in: $0) }
            func close(_ database: Database) throws {
                try database.execute(
                    sql: "UPDATE order_destructions SET done = 1 WHERE in_order = ?", arguments: [number])
            }
            guard let actor = try? fiduciary(record) else {
                logger.warning("nobody can sign that a secret is destroyed", metadata: ["order": "\(record.cid)"])
                try store.write(close)
                continue
            }
            let letter = try receipt(
                record, .done, epoch: epoch, key: OrderEpochs.label(epoch), from: actor, custodian)
            try store(letter, by: actor.owner, in: number, also: close)
        }
    }

    /// Takes orders out of use whose key is not on the token, or is somebody else's there.
    func crossCheck(_ custodian: any Custodian) throws {
        let rows = try store.read { database in
            try Row.fetchAll(
                database, sql: "SELECT in_order, object, owner_uid FROM order_secrets WHERE object IS NOT NULL")
        }
        let token = try TokenCheck(custodian, .order)
        var damages: [Int64: String] = [:]
        var known = try intents.objects()
        for row in rows {
            let object = try ObjectID([UInt8](row["object"] as Data))
            known.insert(object)
            damages[row["in_order"]] = token.damage(object, owner: Owner(uid: row["owner_uid"], name: ""))
        }
        self.damages.withLock { $0 = damages }
        for (number, reason) in damages {
            logger.error("the key of an order is out of use", metadata: ["order": "\(number)", "why": "\(reason)"])
        }
        token.reportUnknown(except: known, logger)
    }
}
