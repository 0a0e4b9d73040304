import DTAFormats
import DTASystem

/// Finding the end of the log at start, whatever the last run left.
extension AuditLog {
    /// - Returns: the state to go on with, and what a record should say about the last run; nil where there is nothing.
    static func open(_ directory: String) throws -> (State, event: String?) {
        let segments = try AuditSegment.all(in: directory)
        guard let last = segments.last else {
            let segment = try AuditSegment.open(directory: directory, first: 1)
            let origin = Array(AuditLine.origin.utf8)
            return (State(segment: segment, size: 0, next: 1, previous: origin, checkpointed: 0), nil)
        }
        let segment = try AuditSegment.open(directory: directory, first: last)
        let size = try segment.size()
        let whole = try endOfLastLine(segment, size)
        var events: [String] = []
        if whole < size {
            try segment.cut(to: whole)
            events.append(
                "\(size - whole) bytes of a record that was not finished were cut off the end of \(segment.name)")
        }
        var tail = Tail()
        var lines = AuditLinesBackward(segment, end: whole)
        while tail.wantsMore, let line = try lines.next() { tail.read(line) }
        for earlier in segments.dropLast().reversed() where tail.wantsMore {
            let segment = try AuditSegment.open(directory: directory, first: earlier)
            var lines = AuditLinesBackward(segment, end: try endOfLastLine(segment, try segment.size()))
            while tail.wantsMore, let line = try lines.next() { tail.read(line) }
        }
        if tail.damaged > 0 { events.append("the last \(tail.damaged) lines of the log are not records") }
        let next = max(tail.lastNumber.map { $0 + 1 } ?? last, last)
        let state = State(
            segment: segment, size: whole, next: next, previous: Array((tail.lastHash ?? AuditLine.origin).utf8),
            checkpointed: tail.checkpointed ?? (next > checkpointInterval ? next - checkpointInterval - 1 : 0))
        return (state, events.isEmpty ? nil : events.joined(separator: "; "))
    }

    /// What the last lines say, read from the end.
    private struct Tail {
        var lastHash: String?
        var lastNumber: UInt64?
        var checkpointed: UInt64?
        /// Lines at the end that are no records: they stay, as evidence, and the chain goes on behind them.
        var damaged = 0
        private var seen: UInt64 = 0

        /// Until there is a checkpoint, or it is so far back that one is due.
        var wantsMore: Bool { lastNumber == nil ? true : checkpointed == nil && seen < checkpointInterval }

        mutating func read(_ line: [UInt8]) {
            seen += 1
            if lastHash == nil { lastHash = AuditLine.hash(of: line) }
            guard let record = AuditLine(line) else {
                if lastNumber == nil { damaged += 1 }
                return
            }
            if lastNumber == nil { lastNumber = record.number }
            if record.checkpoint != nil { checkpointed = record.number }
        }
    }

    /// Where the last line that has its line end, ends.
    static func endOfLastLine(_ segment: AuditSegment, _ size: Int) throws -> Int {
        var end = size
        while end > 0 {
            let start = max(0, end - (64 << 10))
            let piece = try segment.read(start..<end)
            if let found = piece.lastIndex(of: UInt8(ascii: "\n")) { return start + found + 1 }
            end = start
        }
        return 0
    }
}
