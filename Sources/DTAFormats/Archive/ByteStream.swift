/// Bytes that come in pieces of any size, read in pieces of other sizes.
struct ByteStream {
    private let source: () throws -> [UInt8]
    private var buffer: [UInt8] = []
    private var position = 0
    /// How many bytes were taken.
    private(set) var offset: UInt64 = 0

    /// - Parameter source: the next bytes; none at the end.
    init(_ source: @escaping () throws -> [UInt8]) { self.source = source }

    /// Whether another byte follows.
    mutating func isAtEnd() throws -> Bool { try !fill(1) }

    /// The next byte; nil at the end.
    mutating func byte() throws -> UInt8? {
        guard try fill(1) else { return nil }
        defer { advance(1) }
        return buffer[position]
    }

    /// Exactly so many bytes; nil if the end comes before. It holds no more than these and one piece of the source.
    mutating func bytes(_ count: Int) throws -> [UInt8]? {
        guard try fill(count) else { return nil }
        defer { advance(count) }
        return Array(buffer[position..<position + count])
    }

    private mutating func advance(_ count: Int) {
        position += count
        offset += UInt64(count)
    }

    private mutating func fill(_ count: Int) throws -> Bool {
        while buffer.count - position < count {
            let more = try source()
            if more.isEmpty { return false }
            buffer.removeSubrange(..<position)
            position = 0
            buffer += more
        }
        return true
    }
}
