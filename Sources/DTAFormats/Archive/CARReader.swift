/// Reads an archive, block by block, each hashed before it is answered. It holds one block at a time, even if the bytes
/// announce great lengths.
public struct CARReader {
    private var stream: ByteStream
    /// The roots of the archive; their blocks need not be in it.
    public let roots: [CID]
    /// How many blocks were read.
    public private(set) var blocks = 0
    /// How many bytes were read, the header's included.
    public var size: UInt64 { stream.offset }

    /// Reads the header.
    /// - Parameter source: the next bytes of the archive, in pieces of any size; none at the end.
    /// - Throws: `FormatError` unless it is a CAR of version 1 in its one form, and what `source` throws.
    public init(_ source: @escaping () throws -> [UInt8]) throws {
        stream = ByteStream(source)
        let length = try CARReader.length(&stream, limit: CAR.headerLimit, what: "the header of a CAR")
        guard let header = try stream.bytes(length) else {
            throw FormatError(.malformed, "the CAR is cut short: its header is not whole")
        }
        do {
            roots = try CAR.roots(header: header)
        } catch let error as FormatError {
            throw FormatError(error.kind, "this is not a CAR that can be read: \(error.reason)")
        }
    }

    /// The next block; nil at the end.
    /// - Throws: `FormatError`: `malformed` if the archive is cut short or a length is too large, `unsupported` for
    ///   a CID of another kind, naming it, `mismatch` if a block's bytes have another hash; and what the source
    ///   throws. After that nothing more can be read.
    public mutating func next() throws -> ContentBlock? {
        if try stream.isAtEnd() { return nil }
        let start = stream.offset
        do {
            let block = try section()
            blocks += 1
            return block
        } catch let error as FormatError {
            throw FormatError(error.kind, "block \(blocks + 1) of the CAR, at byte \(start): \(error.reason)")
        }
    }

    private mutating func section() throws -> ContentBlock {
        let length = try CARReader.length(&stream, limit: CAR.sectionLimit, what: "a section of a CAR")
        guard let head = try stream.bytes(min(length, CID.byteCount)) else { throw CARReader.cut }
        let cid: CID
        do {
            cid = try CID(bytes: head)
        } catch let error as FormatError {
            // A foreign CID may be longer than ours: its rest is in the following bytes.
            let rest = try stream.bytes(min(length - head.count, CID.byteCount)) ?? []
            guard let name = ForeignCID.name(head + rest) else {
                throw FormatError(.malformed, "the section does not start with a CID: \(error.reason)")
            }
            throw FormatError(
                .unsupported,
                "\(name) is a CID of another kind: accepted are version 1, SHA-256, raw and DAG-CBOR blocks")
        }
        guard let bytes = try stream.bytes(length - CID.byteCount) else { throw CARReader.cut }
        return try ContentBlock(bytes, named: cid)
    }

    private static let cut = FormatError(.malformed, "the CAR is cut short")

    private static func length(_ stream: inout ByteStream, limit: Int, what: String) throws -> Int {
        let length = try UnsignedVarint.decode {
            guard let byte = try stream.byte() else { throw cut }
            return byte
        }
        guard length > 0, length <= UInt64(limit) else {
            throw FormatError(.malformed, "\(what) has 1 to \(limit) bytes, not \(length)")
        }
        return Int(length)
    }
}
