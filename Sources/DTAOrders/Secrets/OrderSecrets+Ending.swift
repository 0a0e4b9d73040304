import DTASystem
import Foundation
import GRDB

/// The end of a secret: its row goes at once, and the key under which it was sealed in time.
extension OrderSecrets {
    /// Removes a secret's row, and dates the end of the key under which it was sealed.
    /// - Throws: where the row is not what it was any more: it was made, or sealed under another key, meanwhile.
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
        // What the key on the token was for is over with that key.
        guard let epoch = secret.epoch, secret.object == nil else { return }
        try date(epoch, for: number, in: database)
    }

    /// That an epoch's key is to go, and that a receipt is to follow then.
    func date(_ epoch: UInt32, for number: Int64, in database: Database) throws {
        // With half of the time left, so that an HSM that is away can come back.
        try epochs.end(epoch, at: clock.now + resealWithin / 2, in: database)
        try database.execute(
            sql: """
                INSERT INTO order_destructions (in_order, epoch, done) VALUES (?, ?, 0)
                ON CONFLICT (in_order) DO UPDATE SET epoch = excluded.epoch, done = 0
                """, arguments: [number, Int64(epoch)])
    }
}
