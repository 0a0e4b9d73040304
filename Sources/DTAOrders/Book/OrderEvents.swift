import DTACore
import Logging

/// Writes to the journal and the audit log an event that no request caused.
struct OrderEvents: Sendable {
    let audit: AuditLog
    let logger: Logger

    func note(_ event: String) throws {
        logger.notice("\(event)")
        try audit.append(event: event)
    }
}
