import DTAFormats
import DTASystem
import GRDB

/// What a block is, found out when it is stored.
package enum BlockKind: String, Sendable, CaseIterable {
    /// A signed identity whose signatures fit.
    case identity
    /// The signed end of an identity.
    case revocation
    /// A signed envelope, as far as its form goes; its signature is verified when it is opened.
    case envelope
    /// Anything else.
    case block
}

/// A block of the ledger, as lists show it.
package struct BlockRecord: Sendable, Equatable {
    package let cid: CID
    package let size: Int
    /// Unix seconds.
    package let stored: Int64
    package let kind: BlockKind
    /// Whether its bytes are here, and not only on the IPFS node.
    package let isHere: Bool
}

extension BlockRecord {
    /// What `init(_:)` reads of the table of blocks.
    static let columns = "cid, size, stored, kind, \(BlockStore.isDropped) AS dropped"

    init(_ row: Row) throws {
        self.init(
            cid: try CID(row: row["cid"]), size: row["size"], stored: row["stored"],
            kind: BlockKind(rawValue: row["kind"]) ?? .block, isHere: !(row["dropped"] as Bool))
    }
}
