import DTAFormats

/// What the last lines of the log say, read from the end.
struct AuditTail {
    /// The end of the last complete line: what follows is part of a record that was not finished.
    let whole: Int
    /// Lines at the end that are no records.
    private(set) var damaged = 0
    private(set) var last: AuditPlace?
    /// The last record that is a checkpoint, if it is not too far back to matter.
    private(set) var checkpointed: UInt64?
    /// The last change of the database that the log names.
    private(set) var change: UInt64?
    private var seen: UInt64 = 0

    init(of segment: AuditSegment) throws {
        whole = try AuditLog.endOfLastLine(segment, try segment.size())
        try read(segment, whole)
    }

    /// Continues in the file before, if more is wanted.
    mutating func readOn(in earlier: AuditSegment) throws {
        if wantsMore { try read(earlier, try AuditLog.endOfLastLine(earlier, try earlier.size())) }
    }

    /// A checkpoint is due after so many records, and the first record after it names the last change again.
    private var wantsMore: Bool {
        last == nil || (checkpointed == nil || change == nil) && seen < AuditLog.checkpointInterval + 2
    }

    private mutating func read(_ segment: AuditSegment, _ end: Int) throws {
        var lines = AuditLinesBackward(segment, end: end)
        while wantsMore, let line = try lines.next() {
            seen += 1
            guard let record = AuditLine(line) else {
                if last == nil { damaged += 1 }
                continue
            }
            if last == nil { last = AuditPlace(number: record.number, hash: AuditLine.hash(of: line)) }
            if change == nil { change = record.change }
            if checkpointed == nil, record.checkpoint != nil { checkpointed = record.number }
        }
    }
}

extension AuditSegment {
    /// The hash of a record's line; nil if the file has no such record.
    func hash(ofRecord number: UInt64, size: Int) throws -> String? {
        var lines = AuditLinesBackward(self, end: try AuditLog.endOfLastLine(self, size))
        while let line = try lines.next() {
            guard let found = AuditLine.number(of: line) else { continue }
            if found == number { return AuditLine.hash(of: line) }
            if found < number { return nil }
        }
        return nil
    }

    /// The hash of the record before, as the first line names it; nil if that is no record.
    func previousOfFirst() throws -> String? {
        var lines = AuditLinesForward(self, from: 0, end: try size())
        return try lines.next().flatMap { AuditLine($0.bytes)?.previous }
    }
}
