import DTABytes
import DTASystem

/// Several blocks in one field: { length (4, big-endian) ‖ block }*.
public enum BlockList {
    /// The bytes of all blocks together: the documents that judge an order, with room to spare for the other fields.
    public static let limit = 512 << 10
    /// The most blocks.
    public static let countLimit = 4096

    public static func encode(_ blocks: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(blocks.reduce(0) { $0 + $1.count + 4 })
        for block in blocks {
            bytes.append(contentsOf: UInt32(truncatingIfNeeded: block.count).bigEndianBytes)
            bytes.append(contentsOf: block)
        }
        return bytes
    }

    /// - Throws: `DTAError.invalidArgument` if lengths do not fit, or there are too many blocks.
    public static func decode(_ bytes: [UInt8]) throws -> [[UInt8]] {
        var blocks: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.count >= 4, blocks.count < countLimit else { throw malformed }
            let count = Int(UInt32(bigEndianBytes: rest.prefix(4)))
            rest = rest.dropFirst(4)
            guard rest.count >= count else { throw malformed }
            blocks.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return blocks
    }

    private static var malformed: DTAError {
        DTAError(.invalidArgument, "a list of blocks is malformed, or has more than \(countLimit) of them")
    }
}
