import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem

/// The keys of an identity in the making: on the token, named by a durable intent, and not in use yet.
struct IdentityKeys {
    let signing: ObjectID
    let kem: ObjectID
    let intent: Int64

    var objects: [Intents.Object] {
        [Intents.Object(objectClass: .identitySigning, id: signing), .init(objectClass: .identityKEM, id: kem)]
    }
}

extension IdentityService {
    /// Runs `body` with new ids and a durable intent that names them. If `body` throws, this removes what is on the
    /// token; otherwise `body` has deleted the intent and released it.
    func withKeys<Result>(
        _ plan: IdentityPlan, _ custodian: any Custodian, _ body: (IdentityKeys) throws -> Result
    ) throws -> Result {
        let (signing, kem) = (ObjectID.random(), ObjectID.random())
        let objects = IdentityKeys(signing: signing, kem: kem, intent: 0).objects
        let intent = try intents.begin(plan.act.intent, name: plan.name, objects: objects)
        let keys = IdentityKeys(signing: signing, kem: kem, intent: intent)
        do {
            return try body(keys)
        } catch {
            discard(keys, custodian, after: error)
            throw error
        }
    }

    func discard(_ keys: IdentityKeys, _ custodian: any Custodian, after error: any Error) {
        intents.undo(keys.intent, custodian, objects: keys.objects, after: error)
        intents.release(keys.intent)
    }

    /// Makes the keys of a plan, and the identity with them, not signed yet.
    func generate(
        _ plan: IdentityPlan, _ keys: IdentityKeys, _ custodian: any Custodian
    ) throws -> MadeIdentity {
        let made = try custodian.ask(
            CreateIdentity(owner: ObjectOwner(uid: plan.owner.uid), signing: keys.signing, kem: keys.kem))
        let postQuantum = plan.postQuantum ? try custodian.ask(CreatePostQuantumKey(signing: keys.signing)) : nil
        do {
            guard let algorithm = made.signingType.algorithm else {
                throw DTAError(.internal, "the HSM answered a signing key of type \(made.signingType.name)")
            }
            let key = try SigningKey(PublicKey(algorithm, raw: made.signing))
            let identity = try plan.identity(
                signing: key, kem: made.kem, pq: postQuantum?.publicKey, created: unixMicroseconds() / 1_000_000)
            return MadeIdentity(
                identity: identity, sealedSeed: made.sealedSeed,
                keys: DocumentKeys(signing: keys.signing, postQuantum: postQuantum))
        } catch let error as FormatError {
            throw DTAError(.internal, "the HSM answered keys that make no identity: \(error.reason)")
        }
    }

    /// Stores a signed document together with its keys, and gives it its name.
    /// - Throws: if the predecessor's line no longer allows it; then it stores nothing.
    func store(
        _ document: SignedIdentity, _ plan: IdentityPlan, _ keys: IdentityKeys, _ made: MadeIdentity
    ) throws -> IdentityRecord {
        let record = IdentityRecord(
            name: plan.name, owner: plan.owner, cid: document.cid, keys: made.keys, kemObject: keys.kem,
            publicKEM: document.identity.kem, sealedSeed: made.sealedSeed, created: document.identity.created)
        try blocks.store.write { database in
            // Again, because another document may have come meanwhile.
            if let predecessor = plan.predecessor { try checkReplaceable(predecessor, by: plan.act, in: database) }
            try blocks.insert(document, owner: plan.owner, in: database)
            try record.insert(database)
            try intents.finish(keys.intent, in: database)
        }
        return record
    }
}
