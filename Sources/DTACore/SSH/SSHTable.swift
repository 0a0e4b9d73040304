import CustodyProtocol
import DTASSH
import DTASystem
import Foundation
import GRDB

/// What users decided about ssh.sock: in the database, and in memory for each request.
final class SSHTable: Sendable {
    struct Lock: Sendable, Equatable {
        var salt: [UInt8]
        var verifier: [UInt8]
        var failures = 0
        /// Unix seconds: before then no passphrase is tried.
        var notBefore: Int64 = 0
    }

    struct View: Sendable, Equatable {
        var isHidden = false
        /// Keys with smaller ones are offered first.
        var place: Int64 = 0
    }

    private struct State: Sendable {
        var views: [Owner: [ObjectID: View]] = [:]
        var locks: [Owner: Lock] = [:]
        var destinations: [ObjectID: [SSHDestination]] = [:]
        var certificates: [ObjectID: [SSHKey]] = [:]
        var confirmations: [ObjectID: SSHConfirmation] = [:]
        /// Keys whose destinations cannot be read: they sign nothing.
        var damaged: Set<ObjectID> = []
    }

    private let store: Store
    private let state: Locked<State>

    init(_ store: Store) throws {
        self.store = store
        state = Locked(try store.read(SSHTable.load))
    }

    private static func load(_ database: Database) throws -> State {
        var state = State()
        for row in try Row.fetchAll(database, sql: "SELECT * FROM ssh_keys") {
            let user = Owner(uid: try row.whole("user_uid"), name: row["user_name"])
            let view = View(isHidden: row["hidden"], place: row["place"])
            state.views[user, default: [:]][try ObjectID([UInt8](row["object"] as Data))] = view
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM ssh_locks") {
            let user = Owner(uid: try row.whole("user_uid"), name: row["user_name"])
            state.locks[user] = Lock(
                salt: [UInt8](row["salt"] as Data), verifier: [UInt8](row["verifier"] as Data),
                failures: try row.whole("failures"), notBefore: row["not_before"])
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM ssh_destinations") {
            let object = try ObjectID([UInt8](row["object"] as Data))
            do {
                state.destinations[object] = try SSHDestination.decode([UInt8](row["destinations"] as Data))
            } catch {
                state.damaged.insert(object)
            }
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM ssh_certificates ORDER BY number") {
            // One that cannot be read is not offered.
            guard let certificate = try? SSHKey(blob: [UInt8](row["certificate"] as Data)) else { continue }
            state.certificates[try ObjectID([UInt8](row["object"] as Data)), default: []].append(certificate)
        }
        for row in try Row.fetchAll(database, sql: "SELECT * FROM ssh_confirmations") {
            let mode: SSHConfirmation = row["once_a_session"] ? .session : .each
            state.confirmations[try ObjectID([UInt8](row["object"] as Data))] = mode
        }
        return state
    }

    // MARK: Reading

    func certificates(of object: ObjectID) -> [SSHKey] { state.withLock { $0.certificates[object] ?? [] } }

    /// Whether the owner wants the user to be asked before the key signs.
    func confirmation(of object: ObjectID) -> SSHConfirmation? {
        state.withLock { $0.confirmations[object] }
    }

    var confirmedKeys: Set<ObjectID> { state.withLock { Set($0.confirmations.keys) } }

    func lock(of user: Owner) -> Lock? { state.withLock { $0.locks[user] } }

    func views(of user: Owner) -> [ObjectID: View] { state.withLock { $0.views[user] ?? [:] } }

    /// - Throws: `DTAError.dataLoss` if they cannot be read.
    func destinations(of object: ObjectID) throws -> [SSHDestination] {
        try state.withLock { state in
            guard !state.damaged.contains(object) else {
                throw DTAError(.dataLoss, "the destinations of a key are damaged in the database")
            }
            return state.destinations[object] ?? []
        }
    }

    // MARK: Changing

    /// Changes how a user sees keys.
    func setViews(of user: Owner, _ changes: [ObjectID: View]) throws {
        try store.write { database in
            for (object, view) in changes { try SSHTable.set(view, of: user, object, in: database) }
        }
        state.withLock { state in state.views[user, default: [:]].merge(changes) { $1 } }
    }

    private static func set(_ view: View, of user: Owner, _ object: ObjectID, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO ssh_keys (user_uid, user_name, object, hidden, place) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (user_uid, user_name, object) DO UPDATE SET hidden = excluded.hidden, place = excluded.place
                """,
            arguments: [Int64(user.uid), user.name, Data(object.bytes), view.isHidden, view.place])
    }

    /// Locks for a user, or notes a wrong passphrase.
    func setLock(of user: Owner, _ lock: Lock) throws {
        try store.write { database in
            try database.execute(
                sql: """
                    INSERT INTO ssh_locks (user_uid, user_name, salt, verifier, failures, not_before)
                    VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (user_uid, user_name) DO UPDATE SET salt = excluded.salt,
                    verifier = excluded.verifier, failures = excluded.failures, not_before = excluded.not_before
                    """,
                arguments: [
                    Int64(user.uid), user.name, Data(lock.salt), Data(lock.verifier), Int64(lock.failures),
                    lock.notBefore,
                ])
        }
        state.withLock { $0.locks[user] = lock }
    }

    /// Unlocks for a user, who then sees all keys.
    func removeLock(of user: Owner) throws {
        try store.write { database in
            let arguments: StatementArguments = [Int64(user.uid), user.name]
            try database.execute(
                sql: "DELETE FROM ssh_locks WHERE user_uid = ? AND user_name = ?", arguments: arguments)
            try database.execute(
                sql: "UPDATE ssh_keys SET hidden = 0 WHERE user_uid = ? AND user_name = ?", arguments: arguments)
        }
        state.withLock { state in
            state.locks[user] = nil
            state.views[user] = state.views[user]?.mapValues { View(isHidden: false, place: $0.place) }
        }
    }

    /// Replaces the certificates of a key.
    func setCertificates(of object: ObjectID, _ certificates: [SSHKey]) throws {
        try store.write { database in
            try database.execute(
                sql: "DELETE FROM ssh_certificates WHERE object = ?", arguments: [Data(object.bytes)])
            for certificate in certificates {
                try database.execute(
                    sql: "INSERT INTO ssh_certificates (object, certificate) VALUES (?, ?)",
                    arguments: [Data(object.bytes), Data(certificate.blob)])
            }
        }
        state.withLock { $0.certificates[object] = certificates.isEmpty ? nil : certificates }
    }

    /// Has the user asked before the key signs; nil: no longer.
    func setConfirmation(of object: ObjectID, _ mode: SSHConfirmation?) throws {
        try store.write { database in
            try database.execute(
                sql: "DELETE FROM ssh_confirmations WHERE object = ?", arguments: [Data(object.bytes)])
            guard let mode else { return }
            try database.execute(
                sql: "INSERT INTO ssh_confirmations (object, once_a_session) VALUES (?, ?)",
                arguments: [Data(object.bytes), mode == .session])
        }
        state.withLock { $0.confirmations[object] = mode }
    }

    /// Constrains a key; none: it is no longer constrained.
    func setDestinations(of object: ObjectID, _ destinations: [SSHDestination]) throws {
        try store.write { database in
            try database.execute(
                sql: "DELETE FROM ssh_destinations WHERE object = ?", arguments: [Data(object.bytes)])
            guard !destinations.isEmpty else { return }
            try database.execute(
                sql: "INSERT INTO ssh_destinations (object, destinations) VALUES (?, ?)",
                arguments: [Data(object.bytes), Data(SSHDestination.encode(destinations))])
        }
        state.withLock { state in
            state.damaged.remove(object)
            state.destinations[object] = destinations.isEmpty ? nil : destinations
        }
    }
}
