import DTAFormats
import Logging

/// A line in the journal for each part of an order that comes, or is made here: for people who watch a host, and for
/// programs that notify them.
struct OrderJournal: Sendable {
    let logger: Logger

    enum Event: String {
        case made = "an order's part was made here"
        case came = "an order's part came"
        case refused = "an order's part came and is refused"
    }

    /// - Parameter reason: why it is refused.
    func write(
        _ event: Event, _ signed: SignedEnvelope, _ kind: OrderPartKind, _ record: OrderRecord, _ reason: String = ""
    ) {
        var metadata: Logger.Metadata = [
            "order": "\(record.reference)", "kind": "\(kind.rawValue)", "part": "\(signed.cid)",
            "from": "\(signed.envelope.header.from)", "state": "\(record.state.rawValue)",
        ]
        // Reasons may quote a stranger's text: the log handlers make that harmless.
        if !reason.isEmpty { metadata["why"] = "\(reason)" }
        logger.notice("\(event.rawValue)", metadata: metadata)
    }
}
