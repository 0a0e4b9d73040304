import CustodyProtocol
import DTACore
import DTAFormats
import DTALedger
import DTASystem
import Foundation
import GRDB
import Logging

/// Identities: makes those of users, and knows others by their documents.
package final class IdentityService: Sendable {
    package let identities: OwnIdentities
    package let blocks: BlockStore
    let policy: LivePolicy
    let intents: Intents
    let drafts = RecoveryDrafts()
    let memory = FactMemory()
    private let logger: Logger

    package init(
        blocks: BlockStore, intents: Intents, policy: LivePolicy, identitiesPerUser: Int, logger: Logger
    ) throws {
        self.blocks = blocks
        self.intents = intents
        self.policy = policy
        self.logger = logger
        let (rows, aliases) = try blocks.store.read { database in
            let rows = try Row.fetchAll(database, sql: "SELECT * FROM identities ORDER BY current, number")
            let trusted = try Row.fetchAll(database, sql: "SELECT * FROM trust WHERE alias IS NOT NULL")
            return (try rows.map(IdentityRecord.init), try trusted.map(TrustRow.init))
        }
        let called = Dictionary(aliases.map { ($0.alias ?? "", $0.cid) }, uniquingKeysWith: { first, _ in first })
        identities = OwnIdentities(rows, aliases: called, limit: identitiesPerUser)
        blocks.store.add(memory)
    }

    /// How many identities have private keys here, the agent's own included, replaced ones not.
    package var count: Int { identities.count }

    // MARK: Making

    /// Makes a new identity for the caller.
    /// - Parameters:
    ///   - recovery: SHA-256 of an offline recovery key, 32 bytes; empty: none.
    ///   - postQuantum: with an ML-DSA-65 key as well.
    package func create(
        _ caller: Caller, name: String, recovery: [UInt8] = [], postQuantum: Bool = false
    ) throws -> CustodyStep<KnownIdentity> {
        let name = try IdentityName(name)
        let owner = try Owner(of: caller)
        try policy.current.authorizeMaking(caller, .identity, name.text)
        let plan = IdentityPlan(
            act: .create, name: name.text, title: name.text, owner: owner,
            recovery: try IdentityService.fingerprint(recovery), postQuantum: postQuantum)
        try identities.check(name.text, owner: owner)
        return { [self] in try known(make(plan, $0)) }
    }

    /// Makes keys and document of an identity that is created or rotated.
    /// - Parameter old: the replaced identity, if there is one; it signs its consent.
    func make(
        _ plan: IdentityPlan, replacing old: IdentityRecord? = nil, _ custodian: any Custodian
    ) throws -> SignedIdentity {
        let points: [CrashPoint] =
            old == nil
            ? [.identityCreateIntended, .identityCreateGenerated, .identityCreateSigned, .identityCreateStored]
            : [.identityRotateIntended, .identityRotateGenerated, .identityRotateSigned, .identityRotateStored]
        try identities.reserve(plan.name, owner: plan.owner, continuing: plan.continuesLine)
        do {
            let (document, record) = try withKeys(plan, custodian) { keys in
                CrashPoint.reach(points[0])
                let made = try generate(plan, keys, custodian)
                CrashPoint.reach(points[1])
                let document = try sign(made, plan, old, custodian)
                CrashPoint.reach(points[2])
                let record = try store(document, plan, keys, made)
                intents.release(keys.intent)
                return (document, record)
            }
            CrashPoint.reach(points[3])
            identities.add(record)
            return document
        } catch {
            identities.cancel(plan.name, owner: plan.owner)
            throw error
        }
    }

    private func sign(
        _ made: MadeIdentity, _ plan: IdentityPlan, _ old: IdentityRecord?, _ custodian: any Custodian
    ) throws -> SignedIdentity {
        let sign = made.keys.sign(custodian)
        let postQuantum = made.keys.signPostQuantum(custodian)
        return try explaining("the identity \(quoted(plan.name)) cannot be signed") {
            guard let predecessor = plan.predecessor, let old else {
                return try SignedIdentity(signing: made.identity, with: sign, postQuantum: postQuantum)
            }
            return try SignedIdentity(
                signing: made.identity, with: sign, postQuantum: postQuantum, replacing: predecessor,
                by: [old.keys.consent(custodian)])
        }
    }

    /// - Parameter recovery: as the client gave it; empty: none.
    static func fingerprint(_ recovery: [UInt8]) throws -> [UInt8]? {
        guard [0, 32].contains(recovery.count) else {
            throw DTAError(
                .invalidArgument, "a recovery key is named by a SHA-256 of 32 bytes, not of \(recovery.count)")
        }
        return recovery.isEmpty ? nil : recovery
    }

    // MARK: Own identities

    package func own(_ cid: CID) -> IdentityRecord? { identities.record(cid) }

    /// An own identity by name or CID, if the caller has the permission. A name means the newest of its line.
    package func authorized(_ caller: Caller, _ permission: Permission, _ subject: String) throws -> IdentityRecord {
        let cid = try cid(subject)
        guard let own = own(cid) else {
            throw DTAError(
                .notFound, "the private keys of identity \(cid) are not on this host",
                helps: .listIdentities)
        }
        try policy.current.authorize(caller, permission, own.resource)
        try checkSound(own)
        return own
    }

    func checkSound(_ own: IdentityRecord) throws {
        guard let damage = identities.damage(own.cid) else { return }
        throw DTAError(
            .dataLoss, "identity \(quoted(own.name)) is out of use: \(damage)",
            hint: "an administrator should compare the token and the state directory with their backups")
    }

    package func allows(_ caller: Caller, _ permission: Permission, _ identity: IdentityRecord) -> Bool {
        policy.current.allows(caller, permission, identity.resource) && identities.damage(identity.cid) == nil
    }

    /// An own identity as the policy sees it, for `policy explain`.
    package func resource(_ subject: String) -> Resource? {
        guard let cid = try? cid(subject) else { return nil }
        return own(cid)?.resource
    }

    /// Takes identities out of use if their keys are missing on the token, or belong to another owner there.
    package func crossCheck(_ custodian: any Custodian) throws {
        let all = identities.all
        let signing = try TokenCheck(custodian, .identitySigning)
        let kem = try TokenCheck(custodian, .identityKEM)
        var damages: [CID: String] = [:]
        for identity in all {
            damages[identity.cid] =
                signing.damage(identity.signingObject, owner: identity.owner).map { "its signing key: \($0)" }
                ?? kem.damage(identity.kemObject, owner: identity.owner).map { "its KEM key: \($0)" }
        }
        identities.mark(damages)
        for identity in all.sorted(by: { $0.name < $1.name }) {
            guard let reason = damages[identity.cid] else { continue }
            logger.error(
                "an identity is out of use",
                metadata: ["identity": "\(identity.name)", "cid": "\(identity.cid)", "why": "\(reason)"])
        }
        let known = try intents.objects().union((all + identities.all).flatMap { [$0.signingObject, $0.kemObject] })
        signing.reportUnknown(except: known, logger)
        kem.reportUnknown(except: known, logger)
    }
}
