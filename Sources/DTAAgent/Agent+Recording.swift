import DTACore

/// What is recorded of requests.
extension Agent {
    /// Records a request, before anybody gets to know what came of it.
    /// - Parameter durable: on the disk when this returns, where it is not counted together with others.
    /// - Returns: how many bytes of the log it took; 0 if it is counted together with others.
    /// - Throws: `DTAError.unavailable` if it cannot be written.
    @discardableResult
    package func record(_ record: AuditRecord, durable: Bool) throws -> Int {
        if record.result != "OK", !refusals.admits(record) { return 0 }
        let size = try audit.append(record)
        if durable { try audit.sync() }
        return size
    }

    /// Writes what was counted of refusals. To be called once a second, and at the end.
    /// - Throws: where the log cannot be written; nothing of it is lost then.
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
