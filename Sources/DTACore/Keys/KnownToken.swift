import CustodyProtocol
import DTASystem
import Foundation
import GRDB
import Glibc
import Logging

/// The token that a state belongs to, as its database remembers it.
public enum KnownToken {
    /// Reads it from a state directory that an agent may be using.
    /// - Returns: nil where none is known yet.
    public static func read(state: String) throws -> TokenIdentity? {
        let path = "\(state)/\(BackupManifest.databaseName)"
        guard unsafe access(path, F_OK) == 0 else { return nil }
        // SQLite opens what the name leads to.
        _ = try StateTree(state).databaseSize()
        do {
            return try DatabaseQueue(path: path, configuration: StateSnapshot.readOnly).read { database in
                try database.tableExists("token") ? try read(database) : nil
            }
        } catch {
            throw StoreError.opening(path, error)
        }
    }

    static func read(_ database: Database) throws -> TokenIdentity? {
        try Row.fetchOne(database, sql: "SELECT serial, landmark FROM token").map {
            TokenIdentity(serial: $0["serial"], landmark: [UInt8]($0["landmark"] as Data))
        }
    }

    static func write(_ token: TokenIdentity, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO token (number, serial, landmark) VALUES (1, ?, ?)",
            arguments: [token.serial, Data(token.landmark)])
    }
}

extension Core {
    /// The token that the state belongs to; nil until one was there.
    public var knownToken: TokenIdentity? { get throws { try store.read { try KnownToken.read($0) } } }

    /// Takes a token for the one that the state belongs to. dtad-hsm has compared it with what was known already, unless the
    /// administrator named its landmark.
    /// - Throws: `DTAError.unavailable` where it is another.
    func recognize(_ token: TokenIdentity, _ custodian: any Custodian) throws {
        let known = try knownToken
        guard known != token else { return }
        let isMeant = token.landmark == tokenThatIsMeant
        if let known {
            // Its maker's number may change with its place, as in a cluster; the key tells.
            guard known.landmark == token.landmark || isMeant else { throw another(token) }
            logger.warning(
                known.landmark == token.landmark
                    ? "the token's serial number has changed; its keys are the same"
                    : "the token is another than before, as hsm.landmark says: keys that are not on it are out of use",
                metadata: ["before": "\(known.serial)", "now": "\(token.serial)"])
        } else if !isMeant {
            // A state of before tokens were known: the agent's own key must be there.
            guard try identities.agentIsOn(custodian) else { throw another(token) }
        }
        try store.write { try KnownToken.write(token, in: $0) }
    }

    private func another(_ token: TokenIdentity) -> DTAError {
        DTAError(
            .unavailable,
            "the token (serial number \(token.serial)) is not the one that the agent's state belongs to: the key of the "
                + "agent's own identity is not on it",
            hint: "put the right one back, and dtad goes on by itself; if this one is to take its place, "
                + "hsm.landmark: \(token.landmarkText) says so")
    }
}

extension IdentityService {
    /// Whether the agent's own signing key is on the token; true where it has none yet.
    func agentIsOn(_ custodian: any Custodian) throws -> Bool {
        guard let agent = identities.newest(IdentityService.agentName), agent.owner == .agent else { return true }
        return try TokenCheck(custodian, .identitySigning).damage(agent.signingObject, owner: agent.owner) == nil
    }
}
