import CustodyProtocol
import DTABytes
import DTAFormats
import DTASystem
import Foundation
import GRDB

/// A key on the token without a name in the database: it was made after the copy of the database that is in use.
package struct UnnamedKey: Sendable {
    package let objectClass: ObjectClass
    /// 32 hexadecimal digits.
    package let object: String
    /// The owner that the token names.
    package let owner: Owner
    /// The type of a user's key; nil for keys of identities and orders.
    package let type: KeyType?
    /// As in `KeyRecord`.
    package let publicKey: [UInt8]

    /// The public half in standard forms; nil if there is none to show.
    /// - Throws: `DTAError.dataLoss` if the token's bytes are no key.
    package func publicHalf() throws -> PublicKey? {
        guard let type else { return nil }
        return try KeyRecord.publicHalf(type, publicKey, of: object)
    }
}

/// What an administrator may do about keys that have no name here. Only users' keys can get one: keys of identities and
/// orders are useless without the missing part of the database.
extension KeyService {
    /// How many are listed at once.
    private static let listLimit = 1_000

    private static let classes: [ObjectClass] = [.user, .identitySigning, .identityKEM, .order]

    private func requireAdministrator(_ caller: Caller) throws {
        guard caller.isAdministrator else {
            throw DTAError(
                .permissionDenied, "user \(caller.display) may not see or change keys that have no name",
                hint: "root can")
        }
    }

    /// The first 1,000 of them, by class and object.
    package func listUnnamed(_ caller: Caller) throws -> CustodyStep<[UnnamedKey]> {
        try requireAdministrator(caller)
        return { [self] custodian in
            var owners: [ObjectOwner: Owner] = [.agent: .agent]
            return try unnamed(custodian).prefix(Self.listLimit).map { object in
                let isUsers = object.objectClass == .user
                let key = isUsers ? try custodian.ask(ReadPublicKey(id: object.id)) : nil
                let owner =
                    owners[object.owner]
                    ?? Owner(uid: object.owner.uid, name: UserDatabase.caller(uid: object.owner.uid).userName)
                owners[object.owner] = owner
                return UnnamedKey(
                    objectClass: object.objectClass, object: object.id.text, owner: owner, type: key?.type,
                    publicKey: key?.bytes ?? [])
            }
        }
    }

    /// Gives a user's key a name. From then on its owner has it like any other key.
    /// - Parameter object: 32 hexadecimal digits.
    /// - Throws: also if the owner's uid has no name on this host.
    package func nameUnnamed(_ caller: Caller, object: String, as name: String) throws -> CustodyStep<KeyRecord> {
        try requireAdministrator(caller)
        let id = try Self.object(object)
        let name = try KeyName(name)
        return { [self] custodian in
            let found = try find(id, custodian)
            guard found.objectClass == .user else {
                throw DTAError(
                    .failedPrecondition,
                    "\(object) is a key of \(found.objectClass == .order ? "an order" : "an identity"): only users' keys "
                        + "can get a name",
                    hint: "a newer backup of the state knows what it is for")
            }
            let owner = try Owner(of: UserDatabase.caller(uid: found.owner.uid))
            try index.reserve(name.text, owner: owner)
            do {
                let publicKey = try custodian.ask(ReadPublicKey(id: id))
                let key = KeyRecord(
                    name: name.text, type: publicKey.type, owner: owner, object: id,
                    created: unixMicroseconds() / 1_000_000, publicKey: publicKey.bytes,
                    origin: try custodian.ask(AskOrigin(id: id)))
                _ = try key.publicHalf()
                try store.write { database in
                    guard try !Self.isNamed(id, database) else { throw Self.unknown(id) }
                    try key.insert(database)
                }
                index.add(key)
                return key
            } catch {
                index.cancel(name.text, owner: owner)
                throw error
            }
        }
    }

    /// Destroys one for good. Then even a newer backup of the database cannot restore it.
    /// - Parameter object: 32 hexadecimal digits.
    package func destroyUnnamed(_ caller: Caller, object: String) throws -> CustodyStep<Void> {
        try requireAdministrator(caller)
        let id = try Self.object(object)
        return { [self] custodian in
            let found = try find(id, custodian)
            let objects = [Intents.Object(objectClass: found.objectClass, id: id)]
            let intent = try store.write { database in
                guard try !Self.isNamed(id, database) else { throw Self.unknown(id) }
                return try intents.begin(.keyDelete, name: object, objects: objects, in: database)
            }
            defer { intents.release(intent) }
            defer { forget(id) }
            try custodian.ask(DeleteObject(objectClass: found.objectClass, id: id))
            try store.write { try intents.finish(intent, in: $0) }
        }
    }

    // MARK: Finding them

    /// The token is asked first: a key that is made meanwhile has its row or its intent when the database is read.
    private func unnamed(_ custodian: any Custodian) throws -> [TokenObject] {
        let objects = try Self.classes.flatMap { try custodian.ask(ListObjects(objectClass: $0)) }
        let named = try store.read { database in
            Set(
                try Data.fetchAll(
                    database,
                    sql: """
                        SELECT object FROM keys
                        UNION SELECT signing_object FROM identities
                        UNION SELECT kem_object FROM identities
                        UNION SELECT object FROM order_secrets WHERE object > x''
                        UNION SELECT object FROM intent_objects
                        """))
        }
        return objects.filter { !named.contains(Data($0.id.bytes)) }
            .sorted { ($0.objectClass.rawValue, $0.id.text) < ($1.objectClass.rawValue, $1.id.text) }
    }

    private func find(_ id: ObjectID, _ custodian: any Custodian) throws -> TokenObject {
        guard let found = try unnamed(custodian).first(where: { $0.id == id }) else { throw Self.unknown(id) }
        return found
    }

    private static func isNamed(_ id: ObjectID, _ database: Database) throws -> Bool {
        let object = Data(id.bytes)
        return try Bool.fetchOne(
            database,
            sql: """
                SELECT EXISTS (SELECT 1 FROM keys WHERE object = ?)
                  OR EXISTS (SELECT 1 FROM identities WHERE signing_object = ? OR kem_object = ?)
                  OR EXISTS (SELECT 1 FROM order_secrets WHERE object = ?)
                  OR EXISTS (SELECT 1 FROM intent_objects WHERE object = ?)
                """,
            arguments: [object, object, object, object, object]) ?? true
    }

    private static func unknown(_ id: ObjectID) -> DTAError {
        DTAError(
            .notFound, "there is no key without a name on the token whose object is \(id.text)",
            helps: .listUnnamedKeys)
    }

    static func object(_ text: String) throws -> ObjectID {
        guard let bytes = Hexadecimal.decode(text), bytes.count == 16 else {
            throw DTAError(.invalidArgument, "\(quoted(text)) is no object: it has 32 hexadecimal digits")
        }
        return try ObjectID(bytes)
    }
}
