import DTASystem
import SwiftProtobuf

/// One message on the agent's socket: its length (4 bytes, big-endian, of what follows) and a protobuf `Request` or
/// `Response` (docs/protocol.md).
public enum AgentFrame {
    /// The largest message, after its length: 1 MiB + 64 KiB.
    public static let limit = 1 << 20 | 1 << 16
    public static let headerSize = 4
    /// The version that every request names.
    public static let version: UInt32 = 1

    /// A message with its length before it.
    /// - Throws: `DTAError.invalidArgument` past `limit`.
    public static func encode(_ message: some SwiftProtobuf.Message) throws -> [UInt8] {
        let body: [UInt8]
        do {
            body = try message.serializedBytes()
        } catch {
            throw DTAError(.internal, "a message could not be encoded: \(error)")
        }
        guard body.count <= limit else {
            throw DTAError(.invalidArgument, "a message of \(body.count) bytes: at most \(limit) are allowed")
        }
        return [UInt8](unsafeUninitializedCapacity: headerSize + body.count) { buffer, count in
            let length = UInt32(body.count)
            for index in 0..<headerSize {
                unsafe buffer[index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32(index)))
            }
            unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[headerSize...])
                .copyBytes(from: body)
            count = headerSize + body.count
        }
    }

    /// The length that a header announces.
    /// - Throws: `DTAError.invalidArgument` where it is 0 or past `limit`: the stream cannot be followed any further.
    @inlinable @inline(__always)
    public static func bodySize(header: some Collection<UInt8>) throws -> Int {
        var length = 0
        for byte in header.prefix(headerSize) { length = length << 8 | Int(byte) }
        guard length > 0, length <= limit else {
            throw DTAError(.invalidArgument, "a frame of \(length) bytes: 1 to \(limit) are allowed")
        }
        return length
    }
}

extension AgentCode {
    public init(_ code: ErrorCode) {
        self = AgentCode(rawValue: Int(code.rawValue)) ?? .internal
    }

    /// Nil for OK; `internal` for a code that this client does not know.
    public var error: ErrorCode? {
        rawValue == 0 ? nil : ErrorCode(rawValue: UInt8(clamping: rawValue)) ?? .internal
    }
}

extension AgentResponse {
    /// The answer to a request that was not done.
    public init(id: UInt64, error: DTAError) {
        self.init()
        self.id = id
        self.code = AgentCode(error.code)
        self.message = error.message
        self.hint = error.hint
    }

    /// What an answer says of a failure; nil where there was none.
    public var error: DTAError? {
        code.error.map { DTAError($0, message, hint: hint) }
    }
}
