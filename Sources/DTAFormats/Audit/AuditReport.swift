/// An event by which dtad says that a file of its log is not what it wrote, or that it is again. Both are records of
/// the chain, which cannot be removed without a trace.
public enum AuditReport: Sendable, Equatable {
    case notAsWritten(name: String, reason: String)
    case asWrittenAgain(name: String)

    private static let broken = "not as written: "
    private static let mended = "as written again: "

    /// The event's text.
    public var text: String {
        switch self {
        case .notAsWritten(let name, let reason): AuditReport.broken + "\(name): \(reason)"
        case .asWrittenAgain(let name): AuditReport.mended + name
        }
    }

    /// - Returns: nil for another event.
    public init?(event: String) {
        if event.hasPrefix(AuditReport.broken) {
            let rest = event.dropFirst(AuditReport.broken.count)
            let name = rest.prefix { $0 != ":" }
            self = .notAsWritten(name: String(name), reason: String(rest.dropFirst(name.count + 2)))
        } else if event.hasPrefix(AuditReport.mended) {
            self = .asWrittenAgain(name: String(event.dropFirst(AuditReport.mended.count)))
        } else {
            return nil
        }
    }
}
