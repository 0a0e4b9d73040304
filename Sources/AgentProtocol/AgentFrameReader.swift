/// Cuts a stream of bytes into the bodies of frames. It holds at most one unfinished frame and the bytes of one read.
struct AgentFrameReader {
    private var buffer: [UInt8] = []
    /// The start of the next frame: the bytes before it were handed out already.
    private var start = 0

    /// Whether the stream is between two frames.
    var isEmpty: Bool { start == buffer.count }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        unsafe buffer.append(contentsOf: bytes)
        // A large frame gets its memory at once, and does not grow into it.
        guard bytes.count >= AgentFrameReader.large, buffer.count >= AgentFrame.headerSize,
            let size = try? AgentFrame.bodySize(header: buffer[..<AgentFrame.headerSize])
        else { return }
        buffer.reserveCapacity(AgentFrame.headerSize + size)
    }

    private static let large = 32 << 10

    /// The next whole frame's body; nil until more bytes have come.
    /// - Throws: `DTAError.invalidArgument` for a length outside the bounds, before that much is waited for.
    mutating func next() throws -> [UInt8]? {
        guard buffer.count - start >= AgentFrame.headerSize else { return nil }
        let size = try AgentFrame.bodySize(header: buffer[start..<start + AgentFrame.headerSize])
        let end = start + AgentFrame.headerSize + size
        guard buffer.count >= end else { return nil }
        defer { start = end }
        return Array(buffer[(start + AgentFrame.headerSize)..<end])
    }
}
