import DTAFormats
import DTASystem
import Foundation
import GRDB

/// A block on its way to the IPFS node.
package struct Publication: Sendable, Equatable {
    package let cid: CID
    package let state: PublicationState
    /// The failed attempts since the last success.
    package let attempts: Int
    /// Unix seconds: when the next attempt is due, and since when the block is on its way.
    package let next: Int64
    package let since: Int64
    /// Why the last attempt failed; "" if it did not.
    package let error: String

    init(_ row: Row) throws {
        cid = try CID(row: row["cid"])
        state = PublicationState(rawValue: row["state"]) ?? .waiting
        attempts = row["attempts"]
        next = (row["due"] as Int64) / 1000
        since = row["since"]
        error = row["error"]
    }
}
