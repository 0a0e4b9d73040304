import CustodyProtocol
import DTACore
import DTAFormats
import DTASystem
import GRDB

/// Ends own identities: by a successor with new keys, or by a revocation. Both need a signature with the identity's own
/// key, so administrators may not do this.
extension IdentityService {
    /// Replaces an own identity by one with new keys; both sign. Envelopes to the old one stay readable.
    /// - Parameters:
    ///   - subject: its name, or the CID of the current identity of that name.
    ///   - recovery: SHA-256 of the new one's recovery key, 32 bytes; empty: the same as before.
    ///   - postQuantum: with an ML-DSA-65 key, even if the old one had none; if the old one had one, so has the new
    ///     one.
    package func rotate(
        _ caller: Caller, _ subject: String, recovery: [UInt8] = [], postQuantum: Bool = false
    ) throws -> CustodyStep<KnownIdentity> {
        let old = try authorizedEnd(caller, .rotate, subject)
        let recovery = try IdentityService.fingerprint(recovery)
        try identities.check(old.name, owner: old.owner, continuing: true)
        return { [self] custodian in
            let predecessor = try blocks.document(old.cid)
            try blocks.store.read { try checkReplaceable(predecessor, by: .rotate, in: $0) }
            let plan = IdentityPlan(
                act: .rotate, name: old.name, title: predecessor.identity.name, owner: old.owner,
                recovery: recovery ?? predecessor.identity.recovery, predecessor: predecessor,
                postQuantum: postQuantum || predecessor.identity.pq != nil, continuesLine: true)
            return try known(make(plan, replacing: old, custodian))
        }
    }

    /// Revokes an own identity, for good.
    /// - Parameter subject: a name: its current identity; a CID: that identity.
    /// - Returns: the revocation's CID, and what is known about the identity now.
    package func revoke(
        _ caller: Caller, _ subject: String
    ) throws -> CustodyStep<(revocation: CID, identity: KnownIdentity)> {
        let own = try authorizedEnd(caller, .revoke, subject)
        return { [self] custodian in
            let document = try blocks.document(own.cid)
            guard try standing(own.cid) != .revoked else {
                throw DTAError(.failedPrecondition, "identity \(display(own.cid)) is revoked already")
            }
            let revocation = try explaining("the revocation of \(display(own.cid)) cannot be signed") {
                try SignedRevocation(
                    revoking: document, at: unixMicroseconds() / 1_000_000,
                    by: own.keys.consent(custodian))
            }
            CrashPoint.reach(.identityRevokeSigned)
            try blocks.store.write { try blocks.insert(revocation, owner: own.owner, in: $0) }
            CrashPoint.reach(.identityRevokeStored)
            return (revocation.cid, try known(document))
        }
    }

    private func authorizedEnd(_ caller: Caller, _ permission: Permission, _ subject: String) throws -> IdentityRecord {
        if let own = try own(cid(subject)) { try refuseAgent(own) }
        return try authorized(caller, permission, subject)
    }

    /// Checks whether an identity can be replaced now.
    /// - Throws: `DTAError.failedPrecondition` that says what can be done instead.
    func checkReplaceable(_ document: SignedIdentity, by act: IdentityPlan.Act, in database: Database) throws {
        let facts = KnownFacts(database: database)
        let judge = IdentityJudge(facts)
        let who = "identity \(display(document.cid))"
        let standing = try judge.standing(of: document.cid)
        guard standing != .revoked else {
            throw DTAError(
                .failedPrecondition, "\(who) is revoked, and no identity can succeed it",
                helps: .makeIdentity)
        }
        if act == .rotate {
            guard standing != .current else { return }
            let newest = try judge.newest(of: document.cid)
            let what = standing == .conflict ? "has rival successors" : "was replaced by \(display(newest.cid))"
            let sentence = "\(who) \(what), and is not rotated again"
            throw standing == .conflict
                ? DTAError(.failedPrecondition, sentence, helps: .recover)
                : DTAError(.failedPrecondition, sentence, hint: "rotate \(newest.cid)")
        }
        // A second successor by recovery would put the line in conflict forever.
        if let rival = try facts.successors(of: document.cid).first(where: { $0.authority == .recovery }) {
            throw DTAError(
                .failedPrecondition, "\(who) was recovered already: \(rival.successor) replaced it",
                hint: "recover that one")
        }
        if let fate = try judge.fateOfLine(above: document.cid) {
            let what = fate == .conflict ? "is in conflict" : "was decided for another identity"
            throw DTAError(
                .failedPrecondition, "the line of \(who) \(what) before it: no successor of it would be believed",
                helps: .showHistory)
        }
    }
}
