import DTASystem
import SwiftProtobuf

/// One message on the agent's socket: its length (4 bytes, big-endian, of what follows), and a protobuf
/// ``AgentRequest`` or ``AgentResponse`` (docs/protocol.md).
public enum AgentFrame {
    /// The largest message, after its length: 1 MiB + 64 KiB.
    public static let limit = 1 << 20 | 1 << 16
    /// How many bytes the length has.
    public static let headerSize = 4
    /// The version that every request names.
    public static let version: UInt32 = 1

    /// A message with its length before it.
    /// - Parameter message: a request or an answer.
    /// - Throws: `DTAError.invalidArgument` if it is longer than ``limit``.
    public static func encode(_ message: some SwiftProtobuf.Message) throws -> [UInt8] {
        let framed: FramedBytes
        do {
            framed = try message.serializedBytes()
        } catch {
            throw DTAError(.internal, "a message could not be encoded: \(error)")
        }
        guard framed.count <= limit else {
            throw DTAError(.invalidArgument, "a message of \(framed.count) bytes: at most \(limit) are allowed")
        }
        return framed.frame
    }

    /// Takes a message after its header, so that a large one is written once.
    private struct FramedBytes: SwiftProtobufContiguousBytes {
        private(set) var frame: [UInt8]

        var count: Int { frame.count - headerSize }

        init(repeating byte: UInt8, count: Int) {
            frame = [UInt8](repeating: byte, count: headerSize + count)
            for index in 0..<headerSize {
                frame[index] = UInt8(truncatingIfNeeded: UInt64(count) >> (24 - 8 * UInt64(index)))
            }
        }

        // The protocol asks for this one; writing never uses it.
        init<S: Sequence>(_ sequence: S) where S.Element == UInt8 {
            let body = Array(sequence)
            self.init(repeating: 0, count: body.count)
            frame.replaceSubrange(headerSize..., with: body)
        }

        func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
            try frame.withUnsafeBytes { unsafe try body(UnsafeRawBufferPointer(rebasing: $0[headerSize...])) }
        }

        mutating func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
            try frame.withUnsafeMutableBytes {
                unsafe try body(UnsafeMutableRawBufferPointer(rebasing: $0[headerSize...]))
            }
        }
    }

    /// The length that a header announces.
    /// - Parameter header: its ``headerSize`` bytes.
    /// - Throws: `DTAError.invalidArgument` if it is 0 or above ``limit``: the stream cannot be followed any further.
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
    /// The code on the wire of an error.
    /// - Parameter code: the error's.
    public init(_ code: ErrorCode) {
        self = AgentCode(rawValue: Int(code.rawValue)) ?? .internal
    }

    /// Nil for OK; `internal` for a code that this client does not know.
    public var error: ErrorCode? {
        rawValue == 0 ? nil : ErrorCode(rawValue: UInt8(clamping: rawValue)) ?? .internal
    }
}

extension AgentHint {
    /// The hint on the wire of an error's.
    /// - Parameter hint: the error's.
    public init(_ hint: Hint) {
        self.init()
        code = AgentHintCode(rawValue: Int(hint.code.rawValue)) ?? .unspecified
        subject = hint.subject
    }

    /// Nil for a code that this client does not know.
    public var known: Hint? { HintCode(rawValue: UInt8(clamping: code.rawValue)).map { Hint($0, subject) } }
}

extension AgentResponse {
    /// The answer to a request that was not done.
    /// - Parameter id: the request's.
    /// - Parameter error: why.
    public init(id: UInt64, error: DTAError) {
        self.init()
        self.id = id
        self.code = AgentCode(error.code)
        self.message = error.message
        self.hint = error.hint
        if !error.hints.isEmpty { hints = error.hints.map(AgentHint.init) }
    }

    /// Why the request was not done; nil if it was.
    public var error: DTAError? {
        code.error.map { code in
            var error = DTAError(code, message, hint: hint)
            // If a newer agent knows a code that this client does not, its words say more.
            let known = hints.compactMap(\.known)
            if known.count == hints.count { error.hints = known }
            return error
        }
    }
}
