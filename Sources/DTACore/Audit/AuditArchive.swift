import DTAFormats
import DTASystem

/// Administrators' decisions about files of the log.
extension AuditLog {
    /// Ends the current file, if it has any records, and releases all files before the new one: they may be moved away.
    /// - Returns: the paths of those that exist.
    /// - Throws: `DTAError.failedPrecondition` if a file is not what dtad wrote.
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
        // Sync, and read once more: from here on the files may be missing.
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

    /// Accepts all files that are not what dtad wrote, for good: they are not looked at again.
    /// - Parameter others: other faults that are accepted with them.
    /// - Returns: the fault of each.
    /// - Throws: `DTAError.failedPrecondition` if there is none.
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
