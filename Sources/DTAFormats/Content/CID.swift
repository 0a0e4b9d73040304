import Crypto
import FoundationEssentials

/// A content identifier: version 1, SHA-256, of a raw or a DAG-CBOR block. It names a block by its hash.
///
/// Bytes: `01 ‖ codec ‖ 12 20 ‖ SHA-256`, 36 of them. Text: multibase base32, `b` and 58 letters.
public struct CID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The format of the block (the multicodec table's numbers).
    public enum Codec: UInt8, Sendable, CaseIterable {
        case raw = 0x55
        case dagCBOR = 0x71
    }

    /// The length of a CID's bytes.
    public static let byteCount = 36
    private static let textCount = 59
    // Multihash: sha2-256, 32 bytes.
    private static let multihash: [UInt8] = [0x12, 0x20]

    /// The 36 bytes.
    public let bytes: [UInt8]

    /// The name of `block`.
    public init(hashing block: [UInt8], codec: Codec) {
        bytes = [1, codec.rawValue] + CID.multihash + Array(SHA256.hash(data: block))
    }

    /// The name of `block`, without a copy of it.
    public init(hashing block: Data, codec: Codec) {
        bytes = [1, codec.rawValue] + CID.multihash + Array(SHA256.hash(data: block))
    }

    /// - Throws: `FormatError` unless these are exactly the 36 bytes of a CID of the kind above.
    public init(bytes: [UInt8]) throws {
        guard bytes.count == CID.byteCount else {
            throw FormatError(.malformed, "a CID has \(CID.byteCount) bytes, not \(bytes.count)")
        }
        // Each varint here is below 128, so its canonical form is one byte: comparing bytes refuses all others.
        guard bytes[0] == 1 else { throw FormatError(.unsupported, "only CIDs of version 1 are accepted") }
        guard Codec(rawValue: bytes[1]) != nil else {
            throw FormatError(.unsupported, "only CIDs of raw (55) and DAG-CBOR (71) blocks are accepted")
        }
        guard Array(bytes[2..<4]) == CID.multihash else {
            throw FormatError(.unsupported, "only CIDs with a SHA-256 hash of 32 bytes are accepted")
        }
        self.bytes = bytes
    }

    /// Reads `bafy…` or `bafk…`.
    /// - Throws: `FormatError` for every other way to write a CID: upper case, other bases, padding, blanks.
    public init(_ text: String) throws {
        let letters = text.utf8
        guard letters.first == UInt8(ascii: "b") else {
            throw FormatError(.malformed, "a CID is written in lower-case base32 and starts with b")
        }
        guard letters.count == CID.textCount else {
            throw FormatError(.malformed, "a CID is written with \(CID.textCount) letters, not \(letters.count)")
        }
        try self.init(bytes: Base32.decode(letters.dropFirst()))
    }

    public var codec: Codec { bytes[1] == Codec.raw.rawValue ? .raw : .dagCBOR }

    /// The SHA-256 of the block: 32 bytes.
    public var digest: [UInt8] { Array(bytes[4...]) }

    public var description: String { "b" + Base32.encode(bytes) }

    /// Whether this is the name of `block`.
    public func names(_ block: [UInt8]) -> Bool { CID(hashing: block, codec: codec) == self }

    /// Whether this is the name of `block`.
    public func names(_ block: Data) -> Bool { CID(hashing: block, codec: codec) == self }

    /// The order of the bytes, in which an envelope lists its recipients.
    public static func < (one: CID, other: CID) -> Bool { one.bytes.lexicographicallyPrecedes(other.bytes) }
}
