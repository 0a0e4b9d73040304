import DTAFormats

/// A file of the log, read from its first line to its last: how far its records follow each other.
struct AuditContent {
    /// The last record of the unbroken sequence from the first line, and the hash of its line; nil if there is none.
    private(set) var last: (number: UInt64, hash: String)?
    /// The first line that is wrong, and why.
    private(set) var fault: String?
    private let first: UInt64

    /// - Parameter size: how far the file is read.
    init(of segment: AuditSegment, size: Int) throws {
        first = segment.first
        var lines = AuditLinesForward(segment, from: 0, end: size)
        var count = 0
        while let (line, isComplete) = try lines.next() {
            count += 1
            guard isComplete, let record = AuditLine(line) else {
                fault = "line \(count) is no record"
                return
            }
            let expected = last.map { $0.number + 1 } ?? first
            guard record.number == expected, last == nil || record.previous == last?.hash else {
                fault = "record \(record.number) on line \(count) does not follow the one before it"
                return
            }
            last = (record.number, AuditLine.hash(of: line))
        }
    }

    /// Why this is not what dtad wrote; nil if it is. The last hash stands for all lines before it.
    func fault(against file: AuditFile) -> String? {
        if let fault { return fault }
        guard let last else { return file.last < file.first ? nil : "it is empty: \(file.records) are missing" }
        if last.number < file.last { return "its end is missing from record \(last.number + 1) on" }
        if last.number > file.last { return "it has records that dtad did not write, from \(file.last + 1) on" }
        return last.hash == file.hash ? nil : "its records are not those that dtad wrote"
    }
}
