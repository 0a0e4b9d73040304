import DTAFormats
import DTASystem
import Foundation
import GRDB

/// A block on its way to the IPFS node.
package struct Publication: Sendable, Equatable {
    package let cid: CID
    package let state: PublicationState
    /// Those that failed since the last success.
    package let attempts: Int
    /// Unix seconds: of the next attempt, and since when it is on its way.
    package let next: Int64
    package let since: Int64
    /// What stood in the way the last time; "" where nothing did.
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
