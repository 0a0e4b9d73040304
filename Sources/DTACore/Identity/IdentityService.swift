import CustodyProtocol
import DTAFormats
import DTASystem
import Foundation
import GRDB
import Logging

/// Identities: making those of users, and knowing those of others by their documents.
public final class IdentityService: Sendable {
    let index: NameIndex<IdentityRecord>
    let blocks: BlockStore
    private let byCID: Locked<[CID: IdentityRecord]>
    private let policy: LivePolicy
    private let intents: Intents
    private let logger: Logger

    init(
        blocks: BlockStore, intents: Intents, policy: LivePolicy, identitiesPerUser: Int, logger: Logger
    ) throws {
        self.blocks = blocks
        self.intents = intents
        self.policy = policy
        self.logger = logger
        let rows = try blocks.store.read {
            try Row.fetchAll($0, sql: "SELECT * FROM identities").map(IdentityRecord.init)
        }
        index = NameIndex(rows, limit: identitiesPerUser)
        byCID = Locked(Dictionary(rows.map { ($0.cid, $0) }, uniquingKeysWith: { first, _ in first }))
    }

    /// How many identities have their private keys here, the agent's own among them.
    public var count: Int { index.count }

    // MARK: Making

    /// A new identity of the caller's.
    public func create(_ caller: Caller, name: String) throws -> CustodyStep<KnownIdentity> {
        let name = try IdentityName(name)
        let owner = try Owner(of: caller)
        try index.check(name.text, owner: owner)
        return { [self] in try make(name.text, owner, $0).known }
    }

    func make(_ name: String, _ owner: Owner, _ custodian: any Custodian) throws -> IdentityRecord {
        try index.reserve(name, owner: owner)
        do {
            return try makeReserved(name, owner, custodian)
        } catch {
            index.cancel(name, owner: owner)
            throw error
        }
    }

    private func makeReserved(_ name: String, _ owner: Owner, _ custodian: any Custodian) throws -> IdentityRecord {
        let (signing, kem) = (ObjectID.random(), ObjectID.random())
        let objects = [
            Intents.Object(objectClass: .identitySigning, id: signing), .init(objectClass: .identityKEM, id: kem),
        ]
        let intent = try intents.begin(.identityCreate, name: name, objects: objects)
        defer { intents.release(intent) }
        CrashPoint.reach(.identityCreateIntended)
        do {
            let made = try custodian.createIdentity(owner: ObjectOwner(uid: owner.uid), signing: signing, kem: kem)
            CrashPoint.reach(.identityCreateGenerated)
            let document = try document(name, made) { try custodian.signDocument(signing, context: $0, hash: $1) }
            CrashPoint.reach(.identityCreateSigned)
            let record = IdentityRecord(
                name: name, owner: owner, cid: document.cid, signingObject: signing, kemObject: kem,
                publicKEM: made.kem, sealedSeed: made.sealedSeed, created: document.identity.created)
            try blocks.store.write { database in
                try blocks.insert(document, owner: owner, in: database)
                try record.insert(database)
                try intents.finish(intent, in: database)
            }
            CrashPoint.reach(.identityCreateStored)
            index.add(record)
            byCID.withLock { $0[record.cid] = record }
            return record
        } catch {
            intents.undo(intent, custodian, objects: objects, after: error)
            throw error
        }
    }

    private func document(
        _ name: String, _ made: CreatedIdentityKeys, sign: (String, [UInt8]) throws -> [UInt8]
    ) throws -> SignedIdentity {
        do {
            guard let algorithm = made.signingType.algorithm else {
                throw DTAError(.internal, "the HSM answered a signing key of type \(made.signingType.name)")
            }
            let key = try SigningKey(PublicKey(algorithm, raw: made.signing))
            let identity = try Identity(
                name: name, created: unixMicroseconds() / 1_000_000, signing: key, kem: made.kem)
            return try SignedIdentity(signing: identity, with: sign)
        } catch let error as FormatError {
            throw DTAError(.internal, "the HSM answered keys that make no identity: \(error.reason)")
        }
    }

    // MARK: Knowing

    /// An identity by the name that it has on this host, or by its CID, with its verified document.
    /// Documents are public: every user may see them.
    public func show(_ subject: String) throws -> (identity: KnownIdentity, document: SignedIdentity) {
        let cid = try cid(subject)
        let document = try blocks.document(cid)
        if let own = own(cid) { return (own.known, document) }
        let identity = document.identity
        return (KnownIdentity(cid: cid, name: identity.name, owner: nil, created: identity.created), document)
    }

    /// The verified document of an identity by name or CID.
    func document(_ subject: String) throws -> SignedIdentity { try blocks.document(cid(subject)) }

    /// Looks for all of these identities' documents, so that whatever is not here is missed at once.
    /// - Parameter subjects: names or CIDs.
    /// - Throws: the first one's error.
    public func need(_ subjects: [String]) throws {
        var failure: (any Error)?
        for subject in subjects {
            do { _ = try blocks.bytes(cid(subject)) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// The CID of an identity by name or CID. Names are those of this host: what a document from elsewhere calls itself
    /// finds nothing.
    func cid(_ subject: String) throws -> CID {
        if let cid = try? CID(subject) { return cid }
        if let entry = index.entry(subject) { return entry.item.cid }
        throw DTAError(
            .notFound, "there is no identity \(quoted(subject)) on this host",
            hint: "identities from elsewhere are named by their CID")
    }

    func own(_ cid: CID) -> IdentityRecord? { byCID.withLock { $0[cid] } }

    /// An own identity by name or CID, if the caller may.
    func authorized(_ caller: Caller, _ permission: Permission, _ subject: String) throws -> IdentityRecord {
        let cid = try cid(subject)
        guard let own = own(cid) else {
            throw DTAError(
                .notFound, "the private keys of identity \(cid) are not on this host",
                hint: "dtactl identity list shows those that are")
        }
        try policy.current.authorize(caller, permission, own.resource)
        if let damage = index.entry(own.name)?.damage {
            throw DTAError(
                .dataLoss, "identity \(quoted(own.name)) is out of use: \(damage)",
                hint: "an administrator should compare the token and the state directory with their backups")
        }
        return own
    }

    func allows(_ caller: Caller, _ permission: Permission, _ identity: IdentityRecord) -> Bool {
        policy.current.allows(caller, permission, identity.resource) && index.entry(identity.name)?.damage == nil
    }

    /// An own identity as the policy sees it, for `policy explain`.
    func resource(_ subject: String) -> Resource? {
        guard let cid = try? cid(subject) else { return nil }
        return own(cid)?.resource
    }

    /// As people are told: `bob (bafy…)`, or the CID alone.
    func display(_ cid: CID) -> String { own(cid).map { "\($0.name) (\(cid))" } ?? "\(cid)" }

    /// Takes identities out of use whose keys are not on the token, or are somebody else's there.
    func crossCheck(_ custodian: any Custodian) throws {
        let identities = index.all
        let signing = try TokenCheck(custodian, .identitySigning)
        let kem = try TokenCheck(custodian, .identityKEM)
        var damages: [String: String] = [:]
        for identity in identities {
            damages[identity.name] =
                signing.damage(identity.signingObject, owner: identity.owner).map { "its signing key: \($0)" }
                ?? kem.damage(identity.kemObject, owner: identity.owner).map { "its KEM key: \($0)" }
        }
        index.mark(damages)
        for (name, reason) in damages.sorted(by: { $0.key < $1.key }) {
            logger.error("an identity is out of use", metadata: ["identity": "\(name)", "why": "\(reason)"])
        }
        let known = try intents.objects().union((identities + index.all).flatMap { [$0.signingObject, $0.kemObject] })
        signing.reportUnknown(except: known, logger)
        kem.reportUnknown(except: known, logger)
    }
}
