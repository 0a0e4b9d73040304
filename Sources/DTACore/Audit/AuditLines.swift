/// A segment's lines from its end to its start, read in pieces: reading the tail costs as much as the tail, not the
/// file.
struct AuditLinesBackward {
    private let segment: AuditSegment
    /// Where the part that was not read yet ends.
    private var end: Int
    /// Bytes that were read and not given out yet; they begin at `end`.
    private var held: [UInt8] = []
    private static let piece = 64 << 10

    /// - Parameter end: the end of the last line that counts, after its line end.
    init(_ segment: AuditSegment, end: Int) {
        self.segment = segment
        self.end = end
    }

    /// The line before, without its line end; nil at the start of the file.
    mutating func next() throws -> [UInt8]? {
        if held.isEmpty && end == 0 { return nil }
        while true {
            // The last byte held is the line end of the line that is wanted.
            if let before = held.dropLast().lastIndex(of: UInt8(ascii: "\n")) {
                let line = Array(held[(before + 1)...].dropLast())
                held.removeLast(held.count - before - 1)
                return line
            }
            if end == 0 {
                defer { held = [] }
                return Array(held.dropLast())
            }
            let start = max(0, end - max(Self.piece, held.count))
            held.insert(contentsOf: try segment.read(start..<end), at: 0)
            end = start
        }
    }
}

/// A segment's lines from a given place.
struct AuditLinesForward {
    private let segment: AuditSegment
    private var at: Int
    private let end: Int
    private var held: ArraySlice<UInt8> = []
    private static let piece = 256 << 10

    init(_ segment: AuditSegment, from start: Int, end: Int) {
        self.segment = segment
        at = start
        self.end = end
    }

    /// The next line without its line end, and whether it had one; nil at the end.
    mutating func next() throws -> (bytes: [UInt8], isComplete: Bool)? {
        var searched = held.startIndex
        while true {
            if let found = held[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { held = held[(found + 1)...] }
                return (Array(held[..<found]), true)
            }
            if at == end {
                if held.isEmpty { return nil }
                defer { held = [] }
                return (Array(held), false)
            }
            let more = try segment.read(at..<min(end, at + Self.piece))
            // Another process cut the file while it was read.
            if more.isEmpty { return nil }
            at += more.count
            let already = held.count
            held = ArraySlice(Array(held) + more)
            searched = already
        }
    }
}
