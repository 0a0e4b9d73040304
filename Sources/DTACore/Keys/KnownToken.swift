import CustodyProtocol
import DTASystem
import Foundation
import GRDB

/// The token to which a state belongs, as its database remembers it.
package enum KnownToken {
    package static func read(_ database: Database) throws -> TokenIdentity? {
        try Row.fetchOne(database, sql: "SELECT serial, landmark FROM token").map {
            TokenIdentity(serial: $0["serial"], landmark: [UInt8]($0["landmark"] as Data))
        }
    }

    package static func write(_ token: TokenIdentity, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO token (number, serial, landmark) VALUES (1, ?, ?)",
            arguments: [token.serial, Data(token.landmark)])
    }
}
