import CustodyProtocol
import DTASystem
import Foundation
import GRDB
import Logging

/// Makes, shows and destroys users' keys. KeyUse.swift uses them.
package final class KeyService: Sendable {
    let index: NameIndex<KeyRecord>
    let policy: LivePolicy
    let logger: Logger
    let store: Store
    let intents: Intents
    let forget: @Sendable (ObjectID) -> Void
    /// Imports that have begun, by their objects.
    let imports = Locked<[ObjectID: ImportBegun]>([:])
    /// Keys whose owners are asked before they sign, which is possible on ssh.sock alone.
    let confirmed = Locked<Set<ObjectID>>([])

    /// Loads all keys.
    /// - Parameter forget: called when an object is gone, so that every HSM process drops its copy.
    package init(
        store: Store, intents: Intents, policy: LivePolicy, keysPerUser: Int, logger: Logger,
        forget: @escaping @Sendable (ObjectID) -> Void
    ) throws {
        self.store = store
        self.intents = intents
        self.policy = policy
        self.logger = logger
        self.forget = forget
        let rows = try store.read { try Row.fetchAll($0, sql: "SELECT * FROM keys").map(KeyRecord.init) }
        index = NameIndex(rows, limit: keysPerUser)
    }

    /// How many keys all users have.
    package var count: Int { index.count }

    // MARK: Making

    /// Makes a new key for the caller.
    package func create(_ caller: Caller, name: String, type: KeyType) throws -> CustodyStep<KeyRecord> {
        let name = try KeyName(name)
        let owner = try Owner(of: caller)
        try policy.current.authorizeMaking(caller, .key, name.text)
        try index.check(name.text, owner: owner)
        return { [self] custodian in
            try index.reserve(name.text, owner: owner)
            do {
                return try make(name, type, owner, custodian) {
                    try custodian.ask(GenerateKey(type: type, owner: ObjectOwner(uid: owner.uid), id: $0))
                }
            } catch {
                index.cancel(name.text, owner: owner)
                throw error
            }
        }
    }

    /// Whether a key of this type takes the token so long that others should not wait for it.
    package static func isSlowToMake(_ type: KeyType) -> Bool { type.isRSA }

    /// Has an object made under a reserved name, and stores the key.
    /// - Parameter ask: has the object made, and answers its public key.
    func make(
        _ name: KeyName, _ type: KeyType, _ owner: Owner, _ custodian: any Custodian, object: ObjectID = .random(),
        origin: KeyOrigin = .token, _ ask: (ObjectID) throws -> [UInt8]
    ) throws -> KeyRecord {
        let objects = [Intents.Object(objectClass: .user, id: object)]
        let intent = try intents.begin(.keyCreate, name: name.text, objects: objects)
        defer { intents.release(intent) }
        CrashPoint.reach(.keyCreateIntended)
        do {
            let publicKey = try ask(object)
            CrashPoint.reach(.keyCreateGenerated)
            let key = KeyRecord(
                name: name.text, type: type, owner: owner, object: object, created: unixMicroseconds() / 1_000_000,
                publicKey: publicKey, origin: origin)
            // The token's answer must be a valid key before it is used.
            _ = try key.publicHalf()
            try store.write { database in
                try key.insert(database)
                try intents.finish(intent, in: database)
            }
            CrashPoint.reach(.keyCreateStored)
            index.add(key)
            return key
        } catch {
            intents.undo(intent, custodian, objects: objects, after: error)
            throw error
        }
    }

    // MARK: Destroying

    /// Destroys a key for good.
    /// - Returns: the object, once it is gone from the token.
    package func delete(_ caller: Caller, name: String) throws -> KeyStep<ObjectID> {
        let key = try authorized(caller, .manage, name)
        return KeyStep(key) { [self] custodian in
            let intent = try store.write { database in
                try database.execute(sql: "DELETE FROM keys WHERE object = ?", arguments: [Data(key.object.bytes)])
                // Another request was faster.
                guard database.changesCount == 1 else { throw unknown(key.name) }
                return try intents.begin(
                    .keyDelete, name: key.name, objects: [.init(objectClass: .user, id: key.object)], in: database)
            }
            defer { intents.release(intent) }
            index.remove(key)
            // Last, even if the token failed: no copy in a session may outlive the key's row.
            defer { forget(key.object) }
            CrashPoint.reach(.keyDeleteIntended)
            do {
                try custodian.ask(DeleteObject(objectClass: .user, id: key.object))
                CrashPoint.reach(.keyDeleteDestroyed)
                try store.write { try intents.finish(intent, in: $0) }
            } catch {
                let error = DTAError(error)
                throw DTAError(
                    error.code,
                    "key \(quoted(key.name)) can no longer be used, but its secret is not yet destroyed: \(error.message)",
                    hint: "dtad destroys it by itself once the HSM and the disk work again")
            }
            CrashPoint.reach(.keyDeleteFinished)
            return key.object
        }
    }

    // MARK: Showing

    /// One key.
    package func show(_ caller: Caller, name: String) throws -> KeyRecord { try authorized(caller, .public, name) }

    /// The keys that the caller may see, by name.
    package func list(_ caller: Caller, count: UInt32, cursor: String) throws -> Page<KeyRecord> {
        let size = try PageSize.of(count)
        let policy = policy.current
        let visible = index.all.filter { $0.name > cursor && policy.allows(caller, .public, $0.resource) }
            .sorted { $0.name < $1.name }
        return Page(items: Array(visible.prefix(size)), cursor: visible.count > size ? visible[size - 1].name : "")
    }

    /// A key as the policy sees it, for `policy explain`; nil if there is none.
    package func resource(_ name: String) -> Resource? { index.entry(name)?.item.resource }

    /// The key, if the caller has the permission.
    @inline(__always)
    func authorized(_ caller: Caller, _ permission: Permission, _ name: String) throws -> KeyRecord {
        guard let entry = index.entry(name) else { throw unknown(name) }
        if !entry.item.owner.isSame(as: caller) || permission == .sign {
            try policy.current.authorize(caller, permission, entry.item.resource)
        }
        if permission == .sign, isConfirmed(entry.item) {
            throw DTAError(
                .permissionDenied,
                "key \(quoted(name)) signs on ssh.sock only: its owner wants to be asked first")
        }
        if let damage = entry.damage, !permission.isAdministration { throw damaged(entry.item, damage) }
        return entry.item
    }

    /// Whether the owner of a key wants its users to be asked before it signs.
    @inline(__always)
    func isConfirmed(_ key: KeyRecord) -> Bool { confirmed.withLock { !$0.isEmpty && $0.contains(key.object) } }

    func damaged(_ key: KeyRecord, _ reason: String) -> DTAError {
        DTAError(
            .dataLoss, "key \(quoted(key.name)) is out of use: \(reason)",
            hint: "an administrator should compare the token and the state directory with their backups")
    }

    private func unknown(_ name: String) -> any Error {
        do { _ = try KeyName(name) } catch { return error }
        return DTAError(
            .notFound, "there is no key \(quoted(name))", helps: .listKeys)
    }
}
