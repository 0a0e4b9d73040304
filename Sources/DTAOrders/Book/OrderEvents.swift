import DTACore
import Logging

/// Tells the journal and the audit log of something that nobody asked for now.
struct OrderEvents: Sendable {
    let audit: AuditLog
    let logger: Logger

    func note(_ event: String) throws {
        logger.notice("\(event)")
        try audit.append(event: event)
    }
}
