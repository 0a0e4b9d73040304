import CustodyProtocol
import DTAFormats
import DTAOrders
import DTAPlugins
import Foundation
import GRDB

/// The keys that an administrator bound while no agent ran.
extension Agent {
    /// Records in the audit log what an administrator bound while this agent was stopped.
    func recordBindings() throws {
        let rows = try store.read { database in
            try Row.fetchAll(
                database, sql: "SELECT number, kind, subject, key FROM key_bindings WHERE recorded = 0 ORDER BY number")
        }
        guard !rows.isEmpty else { return }
        for row in rows {
            let subject = [UInt8](row["subject"] as Data)
            let name = (try? CID(bytes: subject)).map { "\($0)" } ?? OrderFieldValue.bytes(subject).shown
            let kind: Int64 = row["kind"]
            let isOrder = kind == Int64(BoundKeys.Kind.order.rawValue)
            try audit.append(
                event:
                    "an administrator bound \(isOrder ? "the key of order" : "the post-quantum key of identity") \(name) "
                    + "to the key with SHA-256 \(OrderFieldValue.bytes([UInt8](row["key"] as Data)).shown)")
        }
        try audit.sync()
        // A crash before this records them twice, which is better than not at all.
        try store.write { database in
            for row in rows {
                try database.execute(
                    sql: "UPDATE key_bindings SET recorded = 1 WHERE number = ?", arguments: [row["number"] as Int64])
            }
        }
        logger.notice("keys that an administrator bound are in the audit log", metadata: ["keys": "\(rows.count)"])
    }

    /// Warns at start of keys that are not used because no administrator has bound them.
    func warnOfUnboundKeys() throws {
        if let sentence = try store.read(UnboundCount.init).sentence { logger.warning("\(sentence)") }
    }
}
