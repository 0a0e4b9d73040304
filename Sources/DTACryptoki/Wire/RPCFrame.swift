import DTABytes

/// What frames of p11-kit's RPC look like: a header of three big-endian numbers of 32 bits (the code that pairs an answer
/// with its request, the length of the options, the length of the message), the options and the message.
public enum RPCFrame {
    /// Bytes of a header.
    public static let headerLength = 12
    /// A longer message is not kept. It is more than any call needs: a message to be signed has at most 256 KiB.
    public static let messageLimit = 1 << 20

    /// A header.
    public struct Header: Equatable, Sendable {
        /// Never 0.
        public let code: UInt32
        /// p11-kit sends the name of its module as options; they are not used.
        public let optionsLength: Int
        public let messageLength: Int

        /// - Throws: ``CryptokiError`` if no frame begins so: the stream cannot be followed any further.
        public init(_ bytes: [UInt8]) throws(CryptokiError) {
            guard bytes.count == RPCFrame.headerLength else { throw .malformed }
            code = UInt32(bigEndianBytes: bytes[0..<4])
            optionsLength = Int(UInt32(bigEndianBytes: bytes[4..<8]))
            messageLength = Int(UInt32(bigEndianBytes: bytes[8..<12]))
            guard code != 0 else { throw .malformed }
        }
    }

    /// An answer as a frame, without options.
    public static func encode(code: UInt32, message: [UInt8]) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(headerLength + message.count)
        frame.append(bigEndian: code)
        frame.append(bigEndian: UInt32(0))
        frame.append(bigEndian: UInt32(truncatingIfNeeded: message.count))
        frame += message
        return frame
    }
}
