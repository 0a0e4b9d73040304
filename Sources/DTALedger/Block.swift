import DTAFormats
import DTASystem
import GRDB

/// The kind of a block, found when it is stored.
package enum BlockKind: String, Sendable, CaseIterable {
    /// A signed identity with valid signatures.
    case identity
    /// The signed revocation of an identity.
    case revocation
    /// A block in the form of a signed envelope; its signature is verified when it is opened.
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
    /// Whether its bytes are here, not only on the IPFS node.
    package let isHere: Bool
}

extension BlockRecord {
    /// The columns of the table of blocks that `init(_:)` reads.
    static let columns = "cid, size, stored, kind, \(BlockStore.isDropped) AS dropped"

    init(_ row: Row) throws {
        self.init(
            cid: try CID(row: row["cid"]), size: row["size"], stored: row["stored"],
            kind: BlockKind(rawValue: row["kind"]) ?? .block, isHere: !(row["dropped"] as Bool))
    }
}
