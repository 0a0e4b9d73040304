import CustodyProtocol
import DTASystem
import Foundation
import GRDB

/// What the database says of orders' keys, against what is on the token.
extension OrderService {
    /// Takes orders out of use whose key is not on the token, is somebody else's there, or is destroyed.
    func crossCheck(_ custodian: any Custodian) throws {
        let rows = try store.read { database in
            try Row.fetchAll(
                database, sql: "SELECT in_order, object, owner_uid FROM order_secrets WHERE object IS NOT NULL")
        }
        let lost = try store.read { database in
            try Int64.fetchAll(
                database,
                sql: """
                    SELECT in_order FROM order_secrets JOIN epochs ON epochs.number = epoch WHERE destroyed IS NOT NULL
                    """)
        }
        let token = try TokenCheck(custodian, .order)
        var damages: [Int64: String] = [:]
        var known = try intents.objects()
        for row in rows {
            let object = try ObjectID([UInt8](row["object"] as Data))
            known.insert(object)
            damages[row["in_order"]] = token.damage(object, owner: Owner(uid: row["owner_uid"], name: ""))
        }
        for number in lost { damages[number] = "the key is destroyed under which its secret is sealed" }
        self.damages.withLock { $0 = damages }
        for (number, reason) in damages {
            logger.error("the key of an order is out of use", metadata: ["order": "\(number)", "why": "\(reason)"])
        }
        token.reportUnknown(except: known, logger)
    }
}
