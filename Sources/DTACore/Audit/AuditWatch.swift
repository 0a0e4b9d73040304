import DTAFormats
import DTASystem
import Glibc

/// Compares the files with what dtad wrote, while it runs: once a second, and not with each append.
extension AuditLog {
    /// Checks the directory and every file in it. If the current file is not what dtad wrote, it stays as it is for an
    /// administrator, and the log continues in the next file, with a record of that.
    /// - Parameter readings: how many files are read at most. Files with unchanged times need no reading.
    package func inspect(readings: Int = 1) {
        let obstacle = AuditLog.obstacle(directory)?.message
        let names = (try? AuditSegment.all(in: directory)) ?? []
        var left = readings
        if state.withLock({ inspectSegment(&$0, obstacle) }) {
            left -= 1
            readSegment()
        }
        var files = state.withLock { $0.files }
        for index in files.indices where files[index].standing != .accepted {
            if files[index].examine(in: directory, mayRead: left > 0) { left -= 1 }
        }
        state.withLock { state in
            let judged = Dictionary(files.map { ($0.first, $0) }, uniquingKeysWith: { first, _ in first })
            for index in state.files.indices {
                guard let file = judged[state.files[index].first], file.standing == state.files[index].standing
                else { continue }
                state.files[index].seen = file.seen
                state.files[index].fault = file.fault
            }
            note(strangers: names, &state)
            report(&state)
        }
    }

    /// Why the log's directory cannot be used; nil if it can. A missing one is made again.
    static func obstacle(_ directory: String) -> DTAError? {
        do {
            try OwnPlace.makeFolder(directory)
            return nil
        } catch {
            return error
        }
    }

    // MARK: The current file

    /// - Returns: whether another process touched it, so that it should be read.
    private func inspectSegment(_ state: inout State, _ obstacle: String?) -> Bool {
        if state.mustCut, (try? state.segment.cut(to: state.size)) != nil { state.mustCut = false }
        if let obstacle {
            hinder(&state, obstacle)
            return false
        }
        let status: stat
        do {
            status = try state.segment.status()
            if let fault = try segmentFault(state, status) {
                try leaveSegment(&state, fault)
                hinder(&state, nil)
                return false
            }
        } catch {
            hinder(&state, (error as? DTAError)?.message ?? "\(error)")
            return false
        }
        hinder(&state, nil)
        if state.segment.isImmutable, state.writeFailure == nil {
            fail(&state, "\(state.segment.name) is immutable (lsattr shows it, chattr -i ends it)")
        }
        let facts = FileFacts(status)
        defer { state.seen = facts }
        guard let seen = state.seen else { return false }
        return seen.size == facts.size && seen != facts
    }

    private func segmentFault(_ state: State, _ open: stat) throws -> String? {
        let named = try FileFacts.status(state.segment.path)
        if let fault = AuditFile.fault(of: named) { return fault }
        guard let named, FileFacts(named).isSameFile(as: FileFacts(open)) else {
            return "another file stands in its place"
        }
        let size = Int(open.st_size)
        if size < state.size { return "\(state.size - size) bytes of it are missing" }
        return size > state.size && !state.mustCut ? "\(size - state.size) bytes were written to its end" : nil
    }

    /// Continues in a new file.
    private func leaveSegment(_ state: inout State, _ fault: String) throws {
        let (left, known) = (state.segment.name, state.files.count)
        try beginSegment(&state, fault: fault)
        // A failed sync is the fault of the old file, not of the disk.
        state.syncFailure = nil
        guard state.files.count > known else {
            state.events.append("\(left) was made anew, without a record in it: \(fault)")
            return state.say(.error("\(left) was made anew, without a record in it: \(fault)"))
        }
        // At once: if an identical copy replaced the file, a later read would find no fault.
        report(state.files[known].report, &state.files[known].told, left, &state.events, &state.notices)
    }

    private func hinder(_ state: inout State, _ obstacle: String?) {
        guard state.obstacle != obstacle else { return }
        if let obstacle {
            state.say(.error("the audit log cannot be written: \(obstacle); key use stops until it can"))
        } else {
            state.say(.notice("the audit log can be written again"))
            state.events.append("requests could not be recorded for a while: \(state.obstacle ?? "")")
        }
        state.obstacle = obstacle
    }

    /// Reads the current file, because another process touched it.
    private func readSegment() {
        let (segment, size, last) = state.withLock { ($0.segment, $0.size, AuditPlace($0)) }
        let written = AuditFile(first: segment.first, last: last.number, hash: last.hash)
        guard let content = try? AuditContent(of: segment, size: size), let fault = content.fault(against: written)
        else { return }
        state.withLock { state in
            guard state.segment === segment else { return }
            do { try leaveSegment(&state, fault) } catch { hinder(&state, "\(error)") }
        }
    }

    // MARK: Findings

    private func note(strangers names: [UInt64], _ state: inout State) {
        let known = Set(state.files.map(\.first) + [state.segment.first])
        let strangers = names.filter { !known.contains($0) }
        for index in state.strangers.indices where !strangers.contains(state.strangers[index].first) {
            state.strangers[index].fault = nil
        }
        for first in strangers where !state.strangers.contains(where: { $0.first == first }) {
            state.strangers.append(AuditFile(stranger: first))
        }
    }

    func report() { state.withLock { report(&$0) } }

    /// Writes each change to the log and the journal, once.
    private func report(_ state: inout State) {
        for index in state.files.indices where state.files[index].standing != .accepted {
            report(
                state.files[index].report, &state.files[index].told, state.files[index].name, &state.events,
                &state.notices)
        }
        for index in state.strangers.indices {
            report(
                state.strangers[index].fault, &state.strangers[index].told, state.strangers[index].name, &state.events,
                &state.notices)
        }
        state.strangers.removeAll { $0.fault == nil }
        guard !state.events.isEmpty, state.hold == nil, state.obstacle == nil, state.syncFailure == nil,
            state.writeFailure == nil
        else { return }
        do { try tellEvents(&state) } catch { fail(&state, (error as? DTAError)?.message ?? "\(error)") }
    }

    private func report(
        _ fault: String?, _ told: inout String?, _ name: String, _ events: inout [String],
        _ notices: inout [AuditNotice]
    ) {
        guard fault != told else { return }
        told = fault
        if let fault {
            events.append(AuditReport.notAsWritten(name: name, reason: fault).text)
            notices.append(
                .error("the audit log is not as dtad wrote it: \(name): \(fault); key use stops while that lasts"))
        } else {
            events.append(AuditReport.asWrittenAgain(name: name).text)
            notices.append(.notice("the audit log is as dtad wrote it again: \(name)"))
        }
    }

    /// What is not as dtad wrote it, as sentences; empty if all is as written.
    var faults: [String] {
        state.withLock { AuditFile.faults(of: $0.files, strangers: $0.strangers) }
    }

    /// Stops all writing to the log; nil: allows it again.
    func hold(_ reason: String?) {
        state.withLock { state in
            if let reason, state.hold != nil, state.hold != reason {
                state.say(.error("the audit log cannot be written: \(reason); key use stops until it can"))
            }
            state.hold = reason
        }
    }

    /// Lines that the journal has not received yet.
    func takeNotices() -> [AuditNotice] {
        state.withLock { state in
            defer { state.notices.removeAll() }
            return state.notices
        }
    }
}
