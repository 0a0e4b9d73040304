import CustodyProtocol
import DTASystem
import Foundation
import GRDB
import Logging

/// What will be made or destroyed on the token, recorded before. So if a crash or a lost HSM leaves an object behind, a
/// row names it, and `sweep` destroys it.
package final class Intents: Sendable {
    package struct Object: Sendable, Hashable {
        let objectClass: ObjectClass
        let id: ObjectID

        package init(objectClass: ObjectClass, id: ObjectID) {
            self.objectClass = objectClass
            self.id = id
        }
    }

    package enum Kind: String, Sendable {
        case keyCreate = "key.create"
        case keyDelete = "key.delete"
        case identityCreate = "identity.create"
        case identityRotate = "identity.rotate"
        case identityRecover = "identity.recover"
        case orderKeyCreate = "order.key.create"
    }

    struct Intent: Sendable {
        let number: Int64
        let kind: String
        let name: String
        let objects: [Object]
    }

    private let store: Store
    private let logger: Logger
    /// Those whose operations are under way in this process: a sweep skips them.
    private let active = Locked<Set<Int64>>([])

    package init(store: Store, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Writes an intent in its own transaction.
    package func begin(_ kind: Kind, name: String, objects: [Object]) throws -> Int64 {
        try store.write { try begin(kind, name: name, objects: objects, in: $0) }
    }

    /// Writes an intent as part of a transaction. An object is in one intent at a time: an operation on an object that
    /// another operation makes, or that a sweep has not cleared yet, has to wait.
    /// - Throws: `DTAError.unavailable` if an object is in another intent.
    func begin(_ kind: Kind, name: String, objects: [Object], in database: Database) throws -> Int64 {
        try database.execute(
            sql: "INSERT INTO intents (kind, name, created) VALUES (?, ?, ?)",
            arguments: [kind.rawValue, name, unixMicroseconds() / 1_000_000])
        let number = database.lastInsertedRowID
        for object in objects {
            do {
                try database.execute(
                    sql: "INSERT INTO intent_objects (intent, class, object) VALUES (?, ?, ?)",
                    arguments: [number, Int64(object.objectClass.rawValue), Data(object.id.bytes)])
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                throw DTAError(
                    .unavailable,
                    "the object \(object.id.text) is being made or destroyed, or was left by an act that failed",
                    hint: "try again in a moment")
            }
        }
        active.withLock { _ = $0.insert(number) }
        return number
    }

    /// Deletes an intent as part of a transaction; `release` follows once that is durable.
    package func finish(_ number: Int64, in database: Database) throws {
        try database.execute(sql: "DELETE FROM intents WHERE id = ?", arguments: [number])
    }

    /// The operation is over, with or without success: if the intent is still there, the next sweep clears it.
    package func release(_ number: Int64) {
        active.withLock { _ = $0.remove(number) }
    }

    /// Undoes at once what a failed operation may have made. If the HSM is away, that waits for a sweep.
    package func undo(_ number: Int64, _ custodian: any Custodian, objects: [Object], after error: any Error) {
        guard DTAError(error).code != .unavailable else { return }
        do {
            for object in objects { try custodian.ask(DeleteObject(objectClass: object.objectClass, id: object.id)) }
            try store.write { try finish(number, in: $0) }
        } catch {
            logger.warning("what an unfinished act made waits for the next sweep", metadata: ["why": "\(error)"])
        }
    }

    /// Deletes an intent if its operation made nothing. If the HSM went away, that is not certain, and a sweep looks.
    package func drop(_ number: Int64, after error: any Error) {
        guard DTAError(error).code != .unavailable else { return }
        do {
            try store.write { try finish(number, in: $0) }
        } catch {
            logger.warning("what an unfinished act made waits for the next sweep", metadata: ["why": "\(error)"])
        }
    }

    /// Whether there is anything that a sweep could clear.
    package var arePending: Bool { (try? pending().isEmpty) == false }

    /// The intents whose operations are over. It runs as a writer, so that no operation ends between reading its row
    /// and reading `active`: a row that is there and not active was left behind.
    private func pending() throws -> [Intent] {
        try store.write { database in
            let busy = active.withLock { $0 }
            var objects: [Int64: [Object]] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT intent, class, object FROM intent_objects") {
                guard let objectClass = UInt8(exactly: row["class"] as Int64).flatMap(ObjectClass.init(rawValue:))
                else {
                    continue
                }
                let id = try ObjectID([UInt8](row["object"] as Data))
                objects[row["intent"], default: []].append(Object(objectClass: objectClass, id: id))
            }
            return try Row.fetchAll(database, sql: "SELECT id, kind, name FROM intents ORDER BY id").map { row in
                Intent(number: row["id"], kind: row["kind"], name: row["name"], objects: objects[row["id"]] ?? [])
            }.filter { !busy.contains($0.number) }
        }
    }

    /// The objects of all intents.
    package func objects() throws -> Set<ObjectID> {
        Set(
            try store.read { database in
                try Data.fetchAll(database, sql: "SELECT object FROM intent_objects").map { try ObjectID([UInt8]($0)) }
            })
    }

    /// Clears what was left: unfinished creations are undone, deletions are finished. Both delete the objects, because
    /// the transaction that stores a new object also deletes its intent.
    /// - Returns: how many intents were cleared.
    /// - Throws: if the HSM or the store fails; intents that were cleared until then stay cleared.
    @discardableResult
    package func sweep(_ custodian: any Custodian) throws -> Int {
        let left = try pending()
        for intent in left {
            for object in intent.objects {
                try custodian.ask(DeleteObject(objectClass: object.objectClass, id: object.id))
            }
            try store.write { try finish(intent.number, in: $0) }
            logger.notice(
                "cleared what was left of an unfinished act",
                metadata: ["act": "\(intent.kind)", "name": "\(intent.name)"])
        }
        return left.count
    }
}
