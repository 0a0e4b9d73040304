import DTAFormats
import DTASystem

/// What administrators decide about files of the log.
extension AuditLog {
    /// Ends the file that is written to, if there is anything in it, and lets go of all files before the new one: they may
    /// be moved away.
    /// - Returns: the paths of those that are there.
    /// - Throws: `DTAError.failedPrecondition` where a file is not what dtad wrote.
    package func archive() throws -> [String] {
        inspect(readings: .max)
        if let fault = faults.first {
            throw DTAError(
                .failedPrecondition, "nothing is archived while the audit log is not as dtad wrote it: \(fault)",
                helps: .acceptAudit)
        }
        do {
            try state.withLock { state in
                if state.size > 0 { try beginSegment(&state) }
            }
        } catch {
            throw DTAError(.unavailable, "the audit log cannot begin a new file: \(error)")
        }
        // On the disk, and read once more: from here on they may be missing.
        try sync()
        inspect(readings: .max)
        let last: AuditFile? = state.withLock { state in
            for index in state.files.indices
            where state.files[index].standing == .kept && state.files[index].fault == nil {
                state.files[index].standing = .archived
            }
            return state.files.last { $0.standing == .archived }
        }
        guard let last else { return [] }
        try append(
            event: "the files up to record \(last.last) may be moved away; the hash of that record is \(last.hash)")
        try sync()
        let files = state.withLock { $0.files.filter { $0.standing == .archived }.map(\.name) }
        return files.map { "\(directory)/\($0)" }.filter { FileFacts.of($0) != nil }
    }

    /// Takes note of all files that are not what dtad wrote, for good: they are looked at no more.
    /// - Parameter others: what else is wrong and is accepted with them.
    /// - Returns: what is wrong with each.
    /// - Throws: `DTAError.failedPrecondition` if nothing is.
    func accept(also others: [String] = []) throws -> [String] {
        inspect(readings: .max)
        let accepted: [String] =
            others
            + state.withLock { state in
                state.files.indices.compactMap { index in
                    guard state.files[index].standing == .kept, let report = state.files[index].report else {
                        return nil
                    }
                    state.files[index].standing = .accepted
                    return "\(state.files[index].name): \(report)"
                }
            }
        let strangers = state.withLock { state in
            state.files.filter { $0.standing == .archived && $0.fault != nil }.map(\.name) + state.strangers.map(\.name)
        }
        guard !accepted.isEmpty else {
            throw DTAError(
                .failedPrecondition,
                strangers.isEmpty
                    ? "every file of the audit log is as dtad wrote it"
                    : "only \(strangers.joined(separator: ", ")) is in the way in \(directory), which dtad did not write",
                hint: strangers.isEmpty ? "" : "move it away")
        }
        for report in accepted { try append(event: "accepted as it is: \(report)") }
        try sync()
        return accepted
    }
}
