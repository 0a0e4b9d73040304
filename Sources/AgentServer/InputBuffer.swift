import AgentProtocol
import DTABytes
import DTASystem
import FoundationEssentials
import Glibc
import SwiftProtobuf

/// Bytes of a connection on their way to becoming frames. It holds no memory while there are none.
struct InputBuffer {
    private var bytes: [UInt8] = []
    private var start = 0
    /// The longest frame of another protocol; nil: agent.proto is spoken.
    private let limit: Int?

    init(limit: Int? = nil) { self.limit = limit }

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ more: UnsafeRawBufferPointer) {
        if start > 0, start == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            start = 0
        }
        bytes.append(contentsOf: more)
        // A large frame gets its memory at once, and does not grow into it.
        if more.count >= InputBuffer.large, let size = try? frameSize() { bytes.reserveCapacity(start + size) }
    }

    private static let large = 32 << 10

    /// The size of the first frame with its header, if the header is here.
    private func frameSize() throws -> Int? {
        guard bytes.count - start >= AgentFrame.headerSize else { return nil }
        let header = bytes[start..<start + AgentFrame.headerSize]
        guard let limit else { return AgentFrame.headerSize + (try AgentFrame.bodySize(header: header)) }
        let length = Int(UInt32(bigEndianBytes: header))
        guard 1...limit ~= length else {
            throw DTAError(.invalidArgument, "a frame of \(length) bytes: 1 to \(limit) are allowed")
        }
        return AgentFrame.headerSize + length
    }

    /// Whether `takeRequest` would give or refuse something without receiving more.
    var holdsFrame: Bool {
        guard let size = try? frameSize() else { return bytes.count - start >= AgentFrame.headerSize }
        return bytes.count - start >= size
    }

    /// Takes the first frame, if all of it is here.
    /// - Throws: `DTAError.invalidArgument` for a length out of bounds or a message that is no request: the stream is
    ///   lost.
    /// - Returns: with the size of its frame.
    mutating func takeRequest() throws -> (AgentRequest, Int)? {
        guard let size = try frameSize(), bytes.count - start >= size else { return nil }
        let request: AgentRequest
        do {
            request = try bytes.withUnsafeBytes { buffer in
                let body = buffer[(start + AgentFrame.headerSize)..<(start + size)]
                return try AgentRequest(serializedBytes: BorrowedBytes(UnsafeRawBufferPointer(rebasing: body)))
            }
        } catch {
            throw DTAError(.invalidArgument, "a frame of \(size - AgentFrame.headerSize) bytes is not a request")
        }
        drop(size)
        return (request, size)
    }

    /// Takes the first frame of another protocol, without its length, if all of it is here. It may hold a secret, so
    /// nothing of it stays here.
    /// - Throws: `DTAError.invalidArgument` for a length out of bounds: the stream is lost.
    /// - Returns: with the size of its frame.
    mutating func takeFrame() throws -> (SecretReference, Int)? {
        guard let size = try frameSize(), bytes.count - start >= size else { return nil }
        let frame = bytes.withUnsafeMutableBytes { buffer in
            let whole = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<(start + size)])
            let body = Secret(copying: UnsafeRawBufferPointer(rebasing: whole[AgentFrame.headerSize...]))
            if let base = whole.baseAddress { explicit_bzero(base, size) }
            return SecretReference(body)
        }
        drop(size)
        return (frame, size)
    }

    private mutating func drop(_ size: Int) {
        start += size
        if start == bytes.count {
            // A large frame's memory is given back; a usual one's is kept for the next.
            if bytes.capacity > 16 << 10 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
            start = 0
        } else if start > 64 << 10 {
            bytes.removeFirst(start)
            start = 0
        }
    }
}

/// Bytes that are parsed in place.
private struct BorrowedBytes: SwiftProtobufContiguousBytes {
    private let buffer: UnsafeRawBufferPointer
    private var copied: [UInt8] = []

    init(_ buffer: UnsafeRawBufferPointer) { self.buffer = buffer }

    // The protocol asks for these two; parsing never uses them.
    init(repeating byte: UInt8, count: Int) {
        copied = [UInt8](repeating: byte, count: count)
        buffer = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    init<S: Sequence>(_ sequence: S) where S.Element == UInt8 {
        copied = Array(sequence)
        buffer = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    var count: Int { copied.isEmpty ? buffer.count : copied.count }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        copied.isEmpty ? try body(buffer) : try copied.withUnsafeBytes(body)
    }

    mutating func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
        if copied.isEmpty { copied = Array(buffer) }
        return try copied.withUnsafeMutableBytes(body)
    }
}
