import DTASystem
import Foundation
import GRDB

/// The end of a secret: its row goes at once, and the key under which it was sealed later.
extension OrderSecrets {
    /// Removes a secret's row, and dates the end of the key under which it was sealed.
    /// - Throws: if the row has changed: the secret was made, or sealed under another key, meanwhile.
    func remove(_ secret: Stored?, of number: Int64, in database: Database) throws {
        let changed = DTAError(
            .unavailable, "the secret of the order was sealed again meanwhile", hint: "try again")
        guard let secret else {
            let isThere = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM order_secrets WHERE in_order = ?)", arguments: [number])
            guard isThere == false else { throw changed }
            return
        }
        try database.execute(
            sql: "DELETE FROM order_secrets WHERE in_order = ? AND epoch IS ? AND blob = ?",
            arguments: [number, secret.epoch.map { Int64($0) }, Data(secret.blob)])
        guard database.changesCount == 1 else { throw changed }
        // If the order has its own key on the token, the secret ended with that key.
        guard let epoch = secret.epoch, secret.object == nil else { return }
        try date(epoch, for: number, in: database)
    }

    /// Dates the end of an epoch's key, and notes that a receipt must follow then.
    func date(_ epoch: UInt32, for number: Int64, in database: Database) throws {
        // Half of the allowed time stays in reserve, so that an HSM that is away can come back.
        try epochs.end(epoch, at: clock.now + resealWithin / 2, in: database)
        try database.execute(
            sql: """
                INSERT INTO order_destructions (in_order, epoch, done) VALUES (?, ?, 0)
                ON CONFLICT (in_order) DO UPDATE SET epoch = excluded.epoch, done = 0
                """, arguments: [number, Int64(epoch)])
    }
}
