import DTAFormats
import DTASystem

/// Reading the log back.
extension AuditLog {
    /// Answers are cut at this size, to fit a frame.
    private static let answerLimit = 768 << 10
    /// How far `list` searches for one user's records before it answers with those found so far.
    private static let lookBack = 16 << 20

    /// The caller's own records, or all of them for an administrator, oldest first.
    /// - Parameter cursor: "": the last `count` records (of a user's own, those among the last 16 MiB); otherwise the
    ///   records after the answer that gave the cursor. If an answer is empty and its cursor is new, the search
    ///   continues there; if the cursor is the same, there is nothing more yet.
    /// - Returns: lines, and a cursor for the records after them.
    package func list(_ caller: Caller, count: UInt32, cursor: String) throws -> Page<String> {
        let size = try PageSize.of(count)
        let mine = AuditFilter(caller)
        if cursor.isEmpty { return try last(size, mine) }
        guard let after = UInt64(cursor), after < UInt64.max else {
            throw DTAError(.invalidArgument, "\(quoted(cursor)) is no cursor of the audit log")
        }
        return try following(after, size, mine)
    }

    /// The segments with their sizes, counting whole records of the last one; and the last record.
    private func snapshot() throws -> (segments: [(segment: AuditSegment, size: Int)], last: AuditPlace) {
        let (files, current, size, last) = state.withLock { ($0.files, $0.segment, $0.size, AuditPlace($0)) }
        var earlier: [(segment: AuditSegment, size: Int)] = []
        for file in files.reversed() {
            guard let segment = try? AuditSegment.openToRead(directory: directory, first: file.first) else {
                // Files older than an archived file that is not here no longer belong to this log.
                if file.standing == .archived { break }
                continue
            }
            earlier.append((segment, try segment.size()))
        }
        return (earlier.reversed() + [(current, size)], last)
    }

    /// Where a record is.
    package enum Whereabouts {
        case isThere(hash: String)
        /// In a file that was moved away, or that an administrator accepted.
        case isElsewhere
        case isMissing
    }

    func look(for number: UInt64) throws -> Whereabouts {
        let (files, current, size) = state.withLock { ($0.files, $0.segment, $0.size) }
        return try AuditLog.look(for: number, in: directory, files, (current, size))
    }

    /// - Parameter current: the current file, and the size of its whole records.
    static func look(
        for number: UInt64, in directory: String, _ files: [AuditFile], _ current: (file: AuditSegment, size: Int)?
    ) throws -> Whereabouts {
        if let current, number >= current.file.first {
            return try current.file.hash(ofRecord: number, size: current.size).map { .isThere(hash: $0) } ?? .isMissing
        }
        guard let file = files.last(where: { ($0.first...max($0.first, $0.last)).contains(number) }) else {
            return .isMissing
        }
        guard file.standing == .kept else { return .isElsewhere }
        if number == file.last { return .isThere(hash: file.hash) }
        // If it does not open, it already has a fault.
        guard let segment = try? AuditSegment.openToRead(directory: directory, first: file.first) else {
            return .isMissing
        }
        return try segment.hash(ofRecord: number, size: try segment.size()).map { .isThere(hash: $0) } ?? .isMissing
    }

    private func last(_ count: Int, _ mine: AuditFilter) throws -> Page<String> {
        let (segments, last) = try snapshot()
        var found: [String] = []
        var answered = 0
        var looked = 0
        for (segment, size) in segments.reversed() {
            var lines = AuditLinesBackward(segment, end: size)
            while found.count < count, looked < Self.lookBack, answered < Self.answerLimit, let line = try lines.next()
            {
                looked += line.count + 1
                guard mine.admits(line) else { continue }
                found.append(String(decoding: line, as: UTF8.self))
                answered += line.count
            }
        }
        return Page(items: found.reversed(), cursor: String(last.number))
    }

    private func following(_ after: UInt64, _ count: Int, _ mine: AuditFilter) throws -> Page<String> {
        let (segments, last) = try snapshot()
        var found: [String] = []
        var answered = 0
        var reached = after
        var looked = 0
        let begin = segments.lastIndex { $0.segment.first <= after + 1 } ?? 0
        for (segment, size) in segments[begin...] where after < last.number {
            var lines = AuditLinesForward(segment, from: try segment.place(ofRecordAfter: after, size: size), end: size)
            while found.count < count, looked < Self.lookBack, answered < Self.answerLimit,
                let (line, isComplete) = try lines.next()
            {
                looked += line.count + 1
                guard isComplete, let number = AuditLine.number(of: line), number > after else { continue }
                reached = number
                guard mine.admits(line) else { continue }
                found.append(String(decoding: line, as: UTF8.self))
                answered += line.count
            }
            if found.count == count || answered >= Self.answerLimit || looked >= Self.lookBack { break }
        }
        return Page(items: found, cursor: String(max(reached, after)))
    }

    /// Checks the whole log: its chain of hashes and its checkpoints.
    /// - Parameter key: gives the key of an identity, by its CID's text.
    package func verify(key: @escaping (String) -> SigningKey?) throws -> AuditVerifier.Findings {
        var verifier = AuditVerifier(key: key)
        inspect(readings: .max)
        let known = state.withLock { $0.files + $0.strangers }
        for file in known {
            if let report = file.report { verifier.note("\(file.name): \(report)") }
        }
        do {
            let (segments, last) = try snapshot()
            defer {
                // No line after the last one names its hash.
                let findings = verifier.findings
                if last.number > 0, findings.last != last.number || findings.lastHash != last.hash {
                    verifier.note("the last record is not the one that dtad wrote, number \(last.number)")
                }
            }
            for (segment, size) in segments {
                verifier.begin(file: segment.name)
                var lines = AuditLinesForward(segment, from: 0, end: size)
                while let (line, isComplete) = try lines.next() { verifier.read(line, isComplete: isComplete) }
            }
        } catch let error as SystemCallError {
            throw DTAError(.unavailable, "the audit log in \(directory) cannot be read: \(error)")
        }
        return verifier.findings
    }
}

extension AuditSegment {
    /// Where the first record with a number above `number` begins, by binary search: a long file costs a few reads.
    func place(ofRecordAfter number: UInt64, size: Int) throws -> Int {
        // Invariant: a line begins at `low`, and all lines before it have numbers up to `number`.
        var low = 0
        var high = size
        while high - low > 64 << 10 {
            let middle = low + (high - low) / 2
            let piece = try read(middle..<min(high, middle + (16 << 10)))
            guard let end = piece.firstIndex(of: UInt8(ascii: "\n")),
                let found = AuditLine.number(of: piece[(end + 1)...].prefix(64))
            else { return low }
            if found <= number { low = middle + end + 1 } else { high = middle }
        }
        return low
    }
}

/// Which records a caller may read.
private struct AuditFilter {
    /// `,"uid":N,"user":"NAME",` as records have it; nil: all records.
    private let wanted: [UInt8]?

    init(_ caller: Caller) {
        guard !caller.isAdministrator else {
            wanted = nil
            return
        }
        wanted = AuditWriter.owner(caller)
    }

    /// The owner stands right after the time, which has a fixed length: no client's text comes before it.
    func admits(_ line: [UInt8]) -> Bool {
        guard let wanted else { return true }
        guard let comma = line.firstIndex(of: UInt8(ascii: ",")) else { return false }
        let time = AuditWriter.timeFieldCount
        return line[comma...].dropFirst(time).starts(with: wanted)
    }
}
