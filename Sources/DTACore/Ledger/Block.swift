import DTAFormats
import DTASystem
import GRDB

/// What a block is, found out when it is stored.
public enum BlockKind: String, Sendable, CaseIterable {
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
public struct BlockRecord: Sendable, Equatable {
    public let cid: CID
    public let size: Int
    /// Unix seconds.
    public let stored: Int64
    public let kind: BlockKind
    /// Whether its bytes are here, and not only on the IPFS node.
    public let isHere: Bool
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

extension DTAError {
    /// What a refusal of the formats means here.
    /// - Parameter what: the beginning of a sentence, up to the colon.
    init(_ error: FormatError, _ what: String) {
        let code: ErrorCode =
            switch error.kind {
            case .malformed, .notCanonical, .unsupported, .invalidArgument: .invalidArgument
            case .badSignature, .mismatch, .dataLoss: .dataLoss
            case .notRecipient: .permissionDenied
            }
        self.init(code, "\(what): \(error.reason)")
    }
}

/// Runs `body` and says of a refusal of the formats what was refused.
func explaining<Result>(_ what: @autoclosure () -> String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as FormatError { throw DTAError(error, what()) }
}
