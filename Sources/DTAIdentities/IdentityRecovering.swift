import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem
import GRDB

/// A successor authorized by an offline recovery key: for an identity with keys that were stolen, broke, or are on a
/// lost host. Its document is enough.
extension IdentityService {
    /// What a client must sign with the recovery key.
    package struct Draft: Sendable {
        /// The draft's name, for `finishRecovery`.
        package let name: String
        /// The new identity, for the signature in the context `dta/identity/1`.
        package let identity: Identity
    }

    /// Makes the keys of the successor.
    /// - Parameters:
    ///   - name: the new identity's name on this host: a free name; or, if an own identity is recovered and the caller
    ///     may rotate it, its name.
    ///   - subject: the identity to recover, by name or CID.
    ///   - recovery: SHA-256 of the new one's recovery key; empty: the same key as before.
    ///   - postQuantum: with an ML-DSA-65 key, even if the old one had none.
    package func recover(
        _ caller: Caller, name: String, subject: String, recovery: [UInt8] = [], postQuantum: Bool = false
    ) throws -> CustodyStep<Draft> {
        let name = try IdentityName(name).text
        let recovery = try IdentityService.fingerprint(recovery)
        let cid = try cid(subject)
        if let own = own(cid) { try refuseAgent(own) }
        let line = try ownLine(caller, name: name, of: cid)
        let owner = try line?.owner ?? Owner(of: caller)
        let user = try Owner(of: caller)
        if line == nil { try policy.current.authorizeMaking(caller, .identity, name) }
        // If a client died and its user begins again, the old draft does not block the new one.
        drop(drafts.abandoned(by: user, name: name))
        try identities.check(name, owner: owner, continuing: line != nil)
        try drafts.check(user)
        return { [self] custodian in
            let predecessor = try document("\(cid)")
            guard predecessor.identity.recovery != nil else {
                throw DTAError(
                    .failedPrecondition, "identity \(display(cid)) names no recovery key, so none can recover it",
                    helps: .makeRecoverableIdentity)
            }
            try blocks.store.read { try checkReplaceable(predecessor, by: .recover, in: $0) }
            let plan = IdentityPlan(
                act: .recover, name: name, title: predecessor.identity.name, owner: owner,
                recovery: recovery ?? predecessor.identity.recovery, predecessor: predecessor,
                postQuantum: postQuantum || predecessor.identity.pq != nil, continuesLine: line != nil)
            return try draft(plan, predecessor, user, custodian)
        }
    }

    /// The own line that a recovery continues; nil if it begins a new one.
    private func ownLine(_ caller: Caller, name: String, of cid: CID) throws -> IdentityRecord? {
        guard let newest = identities.newest(name), identities.line(name).contains(where: { $0.cid == cid }) else {
            return nil
        }
        try policy.current.authorize(caller, .rotate, newest.resource)
        return newest
    }

    private func draft(
        _ plan: IdentityPlan, _ predecessor: SignedIdentity, _ user: Owner, _ custodian: any Custodian
    ) throws -> Draft {
        try identities.reserve(plan.name, owner: plan.owner, continuing: plan.continuesLine)
        do {
            return try withKeys(plan, custodian) { keys in
                let made = try generate(plan, keys, custodian)
                CrashPoint.reach(.identityRecoverDrafted)
                let name = try drafts.add(
                    RecoveryDraft(
                        owner: user, plan: plan, predecessor: predecessor, keys: keys, made: made,
                        expires: monotonicNanoseconds() + RecoveryDrafts.lifetime))
                return Draft(name: name, identity: made.identity)
            }
        } catch {
            identities.cancel(plan.name, owner: plan.owner)
            throw error
        }
    }

    /// Completes a recovery.
    /// - Parameters:
    ///   - key: the recovery key's public half, 32 bytes.
    ///   - signature: Ed25519, 64 bytes, over the draft's identity.
    package func finishRecovery(
        _ caller: Caller, draft name: String, key: [UInt8], signature: [UInt8]
    ) throws -> CustodyStep<KnownIdentity> {
        { [self] custodian in
            let draft = try drafts.take(name, caller)
            do {
                let document = try explaining("identity \(display(draft.predecessor.cid)) cannot be recovered") {
                    try SignedIdentity(
                        signing: draft.made.identity, with: draft.made.keys.sign(custodian),
                        postQuantum: draft.made.keys.signPostQuantum(custodian), replacing: draft.predecessor,
                        by: [.recovery(key: key) { _, _ in signature }])
                }
                CrashPoint.reach(.identityRecoverSigned)
                let record = try store(document, draft.plan, draft.keys, draft.made)
                intents.release(draft.keys.intent)
                CrashPoint.reach(.identityRecoverStored)
                identities.add(record)
                return try known(document)
            } catch {
                // If the document is not stored, nothing of it is kept: the next attempt begins with new keys.
                guard own(draft.keys) == nil else { throw error }
                discard(draft.keys, custodian, after: error)
                identities.cancel(draft.plan.name, owner: draft.plan.owner)
                throw error
            }
        }
    }

    private func own(_ keys: IdentityKeys) -> IdentityRecord? {
        identities.all.first { $0.signingObject == keys.signing }
    }

    /// Leaves expired drafts to the next sweep.
    package func dropExpiredDrafts(now: UInt64 = monotonicNanoseconds()) {
        drop(drafts.expired(at: now))
    }

    private func drop(_ left: [RecoveryDraft]) {
        for draft in left {
            intents.release(draft.keys.intent)
            identities.cancel(draft.plan.name, owner: draft.plan.owner)
        }
    }
}
