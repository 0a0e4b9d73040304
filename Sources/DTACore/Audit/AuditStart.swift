import DTAFormats
import DTASystem

/// How the log continues at a start, found without changing any file.
package struct AuditStart {
    enum Way {
        /// There is no file yet.
        case anew
        /// In the newest file; its last record is at the place.
        case resume(AuditSegment, AuditTail, AuditPlace)
        /// In a new file, because the last one is not what dtad wrote.
        case newFile(after: AuditPlace)
    }

    let directory: String
    /// The files that exist.
    let names: [UInt64]
    /// Those that dtad has finished.
    var files: [AuditFile]
    let way: Way

    // MARK: Continuing

    /// Opens or makes the current file.
    func begin() throws -> AuditLog.State {
        switch way {
        case .anew:
            let segment = try AuditSegment.make(directory: directory, first: 1)
            return AuditLog.State(
                segment: segment, size: 0, next: 1, previous: Array(AuditLine.origin.utf8), checkpointed: 0)
        case .resume(let segment, let tail, let last): return try resume(segment, tail, last)
        case .newFile(let last): return try goOn(after: last)
        }
    }

    private func resume(_ segment: AuditSegment, _ tail: AuditTail, _ last: AuditPlace) throws -> AuditLog.State {
        let size = try segment.size()
        let next = max(last.number + 1, segment.first)
        var state = AuditLog.State(
            segment: segment, size: tail.whole, next: next, previous: Array(last.hash.utf8),
            checkpointed: tail.checkpointed ?? AuditStart.checkpointed(before: next))
        state.files = files
        if tail.whole < size {
            try segment.cut(to: tail.whole)
            state.events.append(
                "\(size - tail.whole) bytes of a record that was not finished were cut off the end of \(segment.name)")
        }
        return state
    }

    private func goOn(after last: AuditPlace) throws -> AuditLog.State {
        var next = last.number + 1
        while names.contains(next) { next += 1 }
        let segment = try AuditSegment.make(directory: directory, first: next)
        var state = AuditLog.State(
            segment: segment, size: 0, next: next, previous: Array(last.hash.utf8),
            checkpointed: AuditStart.checkpointed(before: next))
        state.files = files
        return state
    }

    /// If the last checkpoint is not found, the next one is due soon.
    private static func checkpointed(before next: UInt64) -> UInt64 {
        let interval = AuditLog.checkpointInterval
        return next > interval ? next - interval - 1 : 0
    }

    // MARK: Checking

    /// Reads the files that changed since their content was checked.
    package mutating func examine() {
        for index in files.indices where files[index].standing != .accepted {
            _ = files[index].examine(in: directory, mayRead: true)
        }
    }

    /// What is not as dtad wrote it, as sentences; empty if all is as written.
    package var faults: [String] {
        var known = Set(files.map(\.first))
        if case .resume(let segment, _, _) = way { known.insert(segment.first) }
        return AuditFile.faults(
            of: files, strangers: names.filter { !known.contains($0) }.map(AuditFile.init(stranger:)))
    }

    /// Where a record is.
    package func look(for number: UInt64) throws -> AuditLog.Whereabouts {
        guard case .resume(let segment, let tail, _) = way else {
            return try AuditLog.look(for: number, in: directory, files, nil)
        }
        return try AuditLog.look(for: number, in: directory, files, (segment, tail.whole))
    }
}
