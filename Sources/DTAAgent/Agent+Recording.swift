import DTACore

/// The audit records of requests.
extension Agent {
    /// Records a request, before its result is told.
    /// - Parameter durable: when this returns, the record is on the disk, unless it is counted together with others.
    /// - Returns: how many bytes of the log it took; 0 if it is counted together with others.
    /// - Throws: `DTAError.unavailable` if it cannot be written.
    @discardableResult
    package func record(_ record: AuditRecord, durable: Bool) throws -> Int {
        if record.result != "OK", !refusals.admits(record) { return 0 }
        let size = try audit.append(record)
        if durable { try audit.sync() }
        return size
    }

    /// Writes the counted refusals. Must be called once a second, and at the end.
    /// - Throws: if the log cannot be written; then none is lost.
    package func recordCounted() throws {
        var failure: (any Error)?
        for record in refusals.takeCounted() {
            do {
                if let failure { throw failure }
                try audit.append(record)
            } catch {
                failure = failure ?? error
                refusals.putBack(record)
            }
        }
        if let failure { throw failure }
    }
}
