import CustodyProtocol
import DTABytes
import DTACore
import DTAFormats
import DTAIdentities
import DTAPlugins
import DTASystem
import Foundation
import GRDB
import Logging

/// The secrets of orders: sealed by dtad-hsm with the terms, and never opened here.
struct OrderSecrets: Sendable {
    let store: Store
    let epochs: OrderEpochs
    let intents: Intents
    let evidence: OrderEvidence
    let health: OrderHealth
    /// How long a key may outlive a destroyed secret that it sealed, in seconds.
    let resealWithin: Int64
    let clock: WallClock
    let logger: Logger

    /// The purpose under which a plugin's own state was sealed before epochs' keys sealed it.
    private static let pluginState = "plugin"

    /// What was made for an order, to be stored with its part 2.
    struct Made {
        let blob: [UInt8]
        let epoch: UInt32
        /// Whether it is the state of a plugin, and not a secret of dtad-hsm.
        var isState = false
        /// The key on the token, if the order's key is used in place.
        let object: ObjectID?
        let intent: Int64?
        let publicKey: [UInt8]
        let proof: [UInt8]
        let owner: ObjectOwner
    }

    struct Stored: Sendable {
        let blob: [UInt8]
        /// Nil for a plugin's state that was sealed before epochs' keys existed.
        let epoch: UInt32?
        let object: ObjectID?
        /// The owner for whom it is sealed.
        let owner: ObjectOwner
    }

    /// Makes the secret of an order and runs `body` with it. If that throws, takes back what is on the token.
    func make(
        of record: OrderRecord, _ first: SignedEnvelope, _ own: IdentityRecord, _ order: Order,
        _ plugin: any OrderPlugin, _ extra: PluginCommitment?, _ custodian: any Custodian,
        _ body: (Made) throws -> CID
    ) throws -> CID {
        let owner = ObjectOwner(uid: own.owner.uid)
        if plugin.keeps == .plugin {
            guard let extra, !extra.commitment.isEmpty else {
                throw DTAError(.unavailable, "the plugin \(plugin.type) made no commitment")
            }
            let (blob, epoch) = try epochs.sealing(custodian) { epoch in
                let message = SealOrderState(state: extra.state, order: record.cid, owner: owner, epoch: epoch)
                return (try custodian.ask(message), epoch)
            }
            return try body(
                Made(
                    blob: blob, epoch: epoch, isState: true, object: nil, intent: nil, publicKey: extra.commitment,
                    proof: extra.proof, owner: owner))
        }
        let documents = try evidence.documents(of: [order.terms.principal, own.cid, order.terms.fiduciary])
        let part1 = SignedBlock(first.block)
        guard plugin.isUsedInPlace else {
            let (made, epoch) = try epochs.sealing(custodian) { epoch in
                let message = NewSeed(fiduciary: own.recipientKey, order: part1, documents: documents, epoch: epoch)
                return (try custodian.ask(message), epoch)
            }
            CrashPoint.reach(.orderCommitMade)
            return try body(
                Made(
                    blob: made.sealed, epoch: epoch, object: nil, intent: nil, publicKey: made.publicKey,
                    proof: made.proof, owner: owner))
        }
        // dtad-hsm makes it under this id; the intent must name it before.
        let object = try ObjectID(OrderKeyID.bytes(owner: owner.uid, order: record.cid))
        let objects = [Intents.Object(objectClass: .order, id: object)]
        try requireNoKey(object, of: record, owner)
        let intent = try intents.begin(.orderKeyCreate, name: record.reference.description, objects: objects)
        defer { intents.release(intent) }
        let (made, epoch): (CreatedOrderKey, UInt32)
        do {
            (made, epoch) = try epochs.sealing(custodian) { epoch in
                let message = NewOrderKey(
                    fiduciary: own.recipientKey, order: part1, documents: documents, epoch: epoch)
                return (try custodian.ask(message), epoch)
            }
        } catch {
            // dtad-hsm took back what it made, so an object under this id is not this request's to delete.
            intents.drop(intent, after: error)
            throw error
        }
        do {
            CrashPoint.reach(.orderCommitMade)
            return try body(
                Made(
                    blob: made.sealed, epoch: epoch, object: object, intent: intent, publicKey: made.publicKey,
                    proof: [],
                    owner: owner))
        } catch {
            intents.undo(intent, custodian, objects: objects, after: error)
            throw error
        }
    }

    /// - Throws: if the token or the database has a key of this order already. A new key would replace it, and undoing
    ///   a failure would delete it.
    private func requireNoKey(_ object: ObjectID, of record: OrderRecord, _ owner: ObjectOwner) throws {
        let isHere = try store.read { database in
            try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM order_secrets WHERE object = ?)",
                arguments: [Data(object.bytes)])
        }
        guard isHere == false else {
            throw DTAError(.failedPrecondition, "order \(record.reference) is committed to already")
        }
        guard !health.isStranger(object) else {
            throw DTAError(
                .failedPrecondition,
                "order \(record.reference) has a key on the token already, which this host made before",
                hint: "a newer backup has what belongs to it: dtad restore. If there is none, remove the object "
                    + "dta/order/\(owner.uid)/\(object.text) with the HSM's own tools, and restart dtad")
        }
    }

    /// Stores what was made, in the transaction that stores part 2.
    func insert(_ secret: Made, of record: OrderRecord, in database: Database) throws {
        try epochs.use(secret.epoch, in: database)
        try database.cachedStatement(
            sql: """
                INSERT INTO order_secrets (in_order, epoch, blob, object, owner_uid, is_state) VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            record.number, Int64(secret.epoch), Data(secret.blob), secret.object.map { Data($0.bytes) },
            Int64(secret.owner.uid), secret.isState,
        ])
        if let intent = secret.intent { try intents.finish(intent, in: database) }
    }

    /// Nil only if there is none. If the lookup fails, there may be one, so this throws.
    func find(_ record: OrderRecord) throws -> Stored? {
        let row = try store.read { database in
            try Row.fetchOne(
                database, sql: "SELECT epoch, blob, object, owner_uid FROM order_secrets WHERE in_order = ?",
                arguments: [record.number])
        }
        guard let row else { return nil }
        return Stored(
            blob: [UInt8](row["blob"] as Data), epoch: try (row["epoch"] as Int64?).map(OrderEpochs.number),
            object: try (row["object"] as Data?).map { try ObjectID([UInt8]($0)) },
            owner: ObjectOwner(uid: try row.whole("owner_uid")))
    }

    func need(_ record: OrderRecord) throws -> Stored {
        guard let secret = try find(record) else {
            throw DTAError(
                .dataLoss, "this host has no secret of order \(record.reference) (any more)",
                hint: record.state == .destroyed ? "" : "a backup may have it: dtad restore")
        }
        return secret
    }

    /// The state that a plugin keeps for an order, opened.
    func openState(of record: OrderRecord, _ custodian: any Custodian) throws -> SecretReference {
        let secret = try need(record)
        guard secret.epoch != nil else {
            return try custodian.ask(
                UnsealState(sealed: secret.blob, purpose: OrderSecrets.pluginState, id: record.cid.bytes))
        }
        return try custodian.ask(OpenOrderState(sealed: secret.blob, order: record.cid, owner: secret.owner))
    }
}
